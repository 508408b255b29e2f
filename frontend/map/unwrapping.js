// Shapes over the antimeridian or round a pole, made continuous for a cylindrical map.

// In degrees; longitudes may then leave -180 to 180, and the map draws them in both worlds.
export function unwrap(shape) {
  const parts = shape.getCoordinates();
  const polygons = shape.getType() === "Polygon" ? [parts] : parts;
  for (const polygon of polygons) polygon.forEach((ring, index) => (polygon[index] = straight(ring)));
  shape.setCoordinates(parts);
}

function straight(ring) {
  let shift = 0;
  const line = ring.map(([longitude, latitude], index) => {
    if (index > 0) shift -= 360 * Math.round((longitude - ring[index - 1][0]) / 360);
    return [longitude + shift, latitude];
  });
  return shift === 0 ? line : roundThePole(line);
}

// A ring that ends a whole turn from its start holds a pole: it is closed along the map's edge.
function roundThePole(line) {
  const [start] = line;
  const end = line[line.length - 1];
  const pole = start[1] < 0 ? -90 : 90;
  return [...line, [end[0], pole], [start[0], pole], start];
}
