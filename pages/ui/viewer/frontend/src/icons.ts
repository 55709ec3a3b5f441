// Line icons, 20 x 20, drawn for this viewer.

const PATHS: Record<string, string> = {
  window: "M10 3a7 7 0 1 0 0 14a7 7 0 1 0 0-14M10 3v14M10 5l5 5M10 9l4.5 4.5M10 13l2.5 2.5",
  pan: "M10 2v16M2 10h16M10 2l-2.5 2.5M10 2l2.5 2.5M10 18l-2.5-2.5M10 18l2.5-2.5M2 10l2.5-2.5M2 10l2.5 2.5M18 10l-2.5-2.5M18 10l-2.5 2.5",
  zoom: "M8.5 3a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M12.5 12.5l5 5M6 8.5h5M8.5 6v5",
  magnify: "M8.5 3a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M12.5 12.5l5 5",
  point: "M10 2v5M10 13v5M2 10h5M13 10h5M10 9a1 1 0 1 0 0 2a1 1 0 1 0 0-2",
  length: "M3 14L14 3l3 3L6 17zM6 11l2 2M9 8l2 2M12 5l2 2",
  angle: "M17 16H3L14 4M8.5 10a7 7 0 0 1 2.5 6",
  rectangle: "M3 5h14v10H3z",
  ellipse: "M10 5c5 0 7 2.5 7 5s-2 5-7 5s-7-2.5-7-5s2-5 7-5",
  ratio: "M3 4v12M17 4v12M3 7h14M7 11v4M13 11v4M7 13h6",
  region: "M5 6c3-4 8-3 10 0s2 8-2 10s-6-2-8-3s-3-4 0-7",
  invert: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
  rotateRight: "M15.5 6A7 7 0 1 0 17 10.5M16 2v4.5h-4.5",
  rotateLeft: "M4.5 6A7 7 0 1 1 3 10.5M4 2v4.5h4.5",
  flipAcross: "M10 2v16M8 5L2 15h6zM12 5l6 10h-6",
  flipDown: "M2 10h16M5 8L15 2v6zM5 12l10 6v-6",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M7 7h6v6H7z",
  actual: "M5 6l2-1v10M14 6l2-1v10M10.5 8v.5M10.5 12v.5",
  reset: "M4 10a6 6 0 1 0 2-4.5M6 2v4h4",
  planes: "M4 3v14h12M9 5h7v7H9zM12.5 7v3M11 8.5h3",
  overlay: "M10 3l7 4l-7 4l-7-4zM3 11l7 4l7-4",
  text: "M4 5h12M10 5v11M7 16h6",
  more: "M4 9a1 1 0 1 0 0 2a1 1 0 1 0 0-2M10 9a1 1 0 1 0 0 2a1 1 0 1 0 0-2M16 9a1 1 0 1 0 0 2a1 1 0 1 0 0-2",
  map_look: "M5 8l5 5l5-5",
  contour: "M10 3c4 0 7 3 7 7s-3 7-7 7s-7-3-7-7s3-7 7-7M10 7c2 0 3.5 1 3.5 3S12 13 10 13s-3.5-1-3.5-3S8 7 10 7",
  palette: "M3 5h14v4H3zM3 9h14v2H3zM3 11h14v4H3z",
  cine: "M6 4l10 6l-10 6z",
  blink: "M3 5h9v9H3zM8 8h9v9H8zM8 11.5h4",
  sameWindow: "M6 4a5 5 0 0 0 0 12zM14 4a5 5 0 0 1 0 12zM8.5 8.5h3M8.5 11.5h3",
  link: "M8 12l4-4M7 9l-2.5 2.5a3 3 0 0 0 4 4L11 13M13 11l2.5-2.5a3 3 0 0 0-4-4L9 7",
  undo: "M4 8h8a4 4 0 0 1 0 8H8M7 5L4 8l3 3",
  redo: "M16 8H8a4 4 0 0 0 0 8h4M13 5l3 3l-3 3",
  remove: "M4 6h12M8 6V4h4v2M6 6l1 11h6l1-11",
  help: "M7.5 7.5a2.5 2.5 0 1 1 3.5 2.3c-.7.4-1 .8-1 1.7M10 14.5v.5M10 2a8 8 0 1 0 0 16a8 8 0 1 0 0-16",
};

const SVG = "http://www.w3.org/2000/svg";

export function icon(name: string): SVGSVGElement {
  const drawn = document.createElementNS(SVG, "svg");
  drawn.setAttribute("viewBox", "0 0 20 20");
  drawn.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? "");
  drawn.append(path);
  return drawn;
}
