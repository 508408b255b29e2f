// The page of one upload: it follows the work; its form finds coordinate systems and looks at the
// place before anything is saved.
import "./site.js";

import { follow } from "./follow.js";
import { prepareCrsSearch } from "./answer/crs_search.js";
import { preparePreview } from "./answer/preview.js";

prepareForm();
document.addEventListener("jobchange", prepareForm);
follow();

function prepareForm() {
  prepareCrsSearch();
  preparePreview();
}
