// Home and collection pages: the list and the map of its outlines light each other up.
import "./site.js";

import { boundingExtent, extend, isEmpty } from "ol/extent.js";

import { createMap } from "./map/base_map.js";
import { joinMosaic, mosaicLayer } from "./map/mosaic_layer.js";
import { light, outlineAt, outlineLayer } from "./map/outline_layer.js";
import { boundsOf, extentOf } from "./map/places.js";

// Outlines alone are seen with the land around them; maps from as near as they fill the page.
const NEAREST = { outlines: 7, maps: 17 };

const target = document.getElementById("map");
if (target) show(target, JSON.parse(document.getElementById("map-data").textContent));

function show(target, data) {
  const mosaic = data.tiles ? mosaicLayer(data.tiles) : null;
  const layer = outlineLayer(data.products, { filled: !mosaic });
  const map = createMap(target, [mosaic, layer]);
  if (mosaic) joinMosaic(mosaic, document.getElementById("mosaic-form"));
  fit(map, layer, data.bbox, mosaic ? NEAREST.maps : NEAREST.outlines);
  joinCards(map, layer);
  const form = document.getElementById("search");
  if (form) joinSearch(map, form);
}

function fit(map, layer, bbox, maxZoom) {
  if (bbox) {
    map.getView().fit(extentOf(bbox));
    return;
  }
  const extent = boundingExtent([]);
  layer.getSource().forEachFeature((feature) => void extend(extent, feature.get("extent")));
  if (!isEmpty(extent)) map.getView().fit(extent, { padding: [48, 48, 48, 48], maxZoom });
}

function joinCards(map, layer) {
  const outlines = new Map();
  layer.getSource().forEachFeature((feature) => void outlines.set(feature.get("address"), feature));
  const cards = new Map();
  for (const card of document.querySelectorAll(".card")) {
    const outline = outlines.get(card.dataset.address);
    if (!outline) continue;
    cards.set(outline, card);
    for (const [event, lit] of Object.entries({
      mouseenter: true,
      focusin: true,
      mouseleave: false,
      focusout: false,
    })) {
      card.addEventListener(event, () => light(outline, lit));
    }
  }
  joinPointer(map, layer, cards);
}

function joinPointer(map, layer, cards) {
  let over;
  map.on("pointermove", (event) => {
    const found = event.dragging ? undefined : outlineAt(map, layer, event.pixel);
    if (found === over) return;
    mark(cards, over, false);
    mark(cards, found, true);
    over = found;
    map.getTargetElement().style.cursor = over ? "pointer" : "";
  });
  map.on("singleclick", (event) => {
    const found = outlineAt(map, layer, event.pixel);
    if (found) location.href = `/products/${found.get("address")}`;
  });
}

function mark(cards, outline, lit) {
  if (!outline) return;
  light(outline, lit);
  const card = cards.get(outline);
  card?.classList.toggle("lit", lit);
  if (lit) card?.scrollIntoView({ block: "nearest" });
}

// The place belongs to the search only where it was asked for; the address keeps it.
function joinSearch(map, form) {
  const here = document.getElementById("here");
  const bbox = document.getElementById("bbox");
  const button = document.getElementById("search-here");
  const keepPlace = () => {
    bbox.disabled = !here.checked;
    if (here.checked) bbox.value = boundsOf(map.getView().calculateExtent()).join(",");
  };
  here.addEventListener("change", keepPlace);
  map.once("rendercomplete", () =>
    map.getView().on("change:center", () => {
      button.hidden = false;
      keepPlace();
    }),
  );
  button.addEventListener("click", () => {
    here.checked = true;
    keepPlace();
    form.requestSubmit();
  });
  form.addEventListener("submit", () => leaveOutEmpty(form));
  document.getElementById("sort").addEventListener("change", () => form.requestSubmit());
  addEventListener("pageshow", () => form.querySelectorAll("[data-left-out]").forEach(putBack));
}

// A short address: fields that ask nothing stay out of it.
function leaveOutEmpty(form) {
  for (const field of form.elements) {
    if (field.name && !field.value && !field.disabled) {
      field.disabled = true;
      field.dataset.leftOut = "";
    }
  }
}

function putBack(field) {
  field.disabled = false;
  delete field.dataset.leftOut;
}
