// The viewer's style sheet. Films stand on black in either theme; the bar follows the page's.

export const CSS = `
.viewer {
  position: relative; display: flex; flex-direction: column; width: 100%; outline: none;
  font-family: var(--st-font, system-ui, sans-serif); font-size: 13px; color: var(--st-text-color, #d6dbe1);
  background: var(--st-background-color, #0a0c0f); border-radius: 4px; overflow: hidden;
  user-select: none; -webkit-user-select: none;
  height: var(--lb-viewer-height, max(32rem, calc(100dvh - 12rem))); min-height: 17rem;
}
.viewer:focus-visible { box-shadow: 0 0 0 2px var(--st-primary-color, #7fb2e5); }
.bar {
  position: relative; z-index: 11; flex: none; height: 37px; box-sizing: border-box; padding: 3px 6px;
  display: flex; align-items: flex-start; gap: 6px;
  background: var(--st-secondary-background-color, #161a20);
  border-bottom: 1px solid var(--st-border-color, #2b323b);
}
.row {
  flex: 1; min-width: 0; display: flex; flex-wrap: wrap; gap: 4px 8px; align-items: center;
  max-height: 30px; overflow: hidden;
}
.bar.open .row {
  position: absolute; inset: 0 40px auto 0; padding: 3px 6px; max-height: none; overflow: visible;
  background: inherit; border-bottom: 1px solid var(--st-border-color, #2b323b);
}
.more { margin-left: auto; }
.opener { padding: 4px 0; width: 18px; } .opener svg { width: 14px; }
.sheet {
  position: absolute; top: 34px; z-index: 12; display: flex; gap: 4px; padding: 8px; align-items: center;
  background: var(--st-secondary-background-color, #161a20); border: 1px solid var(--st-border-color, #2b323b);
  border-radius: 4px;
}
.group { display: flex; align-items: center; gap: 1px; }
.group[hidden], [hidden] { display: none !important; }
.group + .group { border-left: 1px solid var(--st-border-color, #2b323b); padding-left: 8px; }
button {
  font: inherit; color: inherit; background: transparent; border: 1px solid transparent;
  border-radius: 4px; padding: 4px; line-height: 0; cursor: pointer;
}
button:hover { background: color-mix(in srgb, currentColor 12%, transparent); }
button:focus-visible, select:focus-visible, input:focus-visible {
  outline: 2px solid var(--st-primary-color, #7fb2e5); outline-offset: 0;
}
button[aria-pressed="true"] {
  background: color-mix(in srgb, var(--st-primary-color, #7fb2e5) 28%, transparent);
  border-color: var(--st-primary-color, #7fb2e5);
}
button:disabled, button[aria-disabled="true"] { opacity: 0.35; cursor: default; }
button svg {
  width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.5;
  stroke-linecap: round; stroke-linejoin: round;
}
[data-action="invert"] path, [data-action="cine"] path { fill: color-mix(in srgb, currentColor 70%, transparent); }
select {
  font: inherit; color: inherit; max-width: 190px; height: 28px; border-radius: 4px; padding: 0 4px;
  margin: 0 4px; background: var(--st-background-color, #0a0c0f);
  border: 1px solid var(--st-border-color, #2b323b);
}
input[type="range"] { width: 70px; margin: 0 4px; accent-color: var(--st-primary-color, #7fb2e5); }
.grid {
  flex: 1; min-height: 0; display: grid; gap: 2px; background: #30363e;
  grid-template-columns: minmax(0, 1fr); grid-template-rows: minmax(0, 1fr);
}
.grid[data-layout="2"] { grid-template-columns: repeat(2, minmax(0, 1fr)); }
.grid[data-layout="4"] { grid-template-columns: repeat(2, minmax(0, 1fr)); grid-template-rows: repeat(2, minmax(0, 1fr)); }
.pane { position: relative; overflow: hidden; container-type: inline-size; background: #000; color: #dfe4ea; }
.pane.active::after {
  content: ""; position: absolute; inset: 0; pointer-events: none; z-index: 4;
  box-shadow: inset 0 0 0 2px var(--st-primary-color, #7fb2e5);
}
.film { position: absolute; inset: 0; outline: none; touch-action: none; }
.glass { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
.trim { position: absolute; inset: 0; pointer-events: none; z-index: 2; text-shadow: 0 0 3px #000, 0 0 2px #000; }
.corner { position: absolute; max-width: 46%; line-height: 1.4; overflow-wrap: anywhere; }
.nw > div { max-width: 100%; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.bare .nw, .bare .readout { display: none; }
.nw { top: 8px; left: 10px; } .ne { top: 8px; right: 10px; text-align: right; }
.sw { bottom: 8px; left: 10px; } .se { bottom: 8px; right: 10px; text-align: right; }
.label { opacity: 0.6; margin-right: 5px; font-size: 11px; } .value { font-weight: 600; }
.title { font-weight: 600; }
.mark { color: #ffd65c; font-weight: 600; } .note { color: #ffb37a; }
.readout, .probe { background: rgba(0, 0, 0, 0.5); border-radius: 3px; width: fit-content; }
.readout { white-space: pre-line; font-variant-numeric: tabular-nums; }
.probe { min-height: 1.4em; font-variant-numeric: tabular-nums; color: #a9d3ff; }
.research { font-size: 11px; opacity: 0.75; margin-top: 3px; }
.warning {
  position: absolute; top: 0; left: 0; right: 0; padding: 2px 10px; background: #b3261e; color: #fff;
  font-weight: 600; text-shadow: none; text-align: center; z-index: 3;
}
.trim.turned .nw, .trim.turned .ne { top: 30px; } .trim.turned .edge.top { top: 52px; }
.pane.stead .film { pointer-events: none; } .pane.stead .film svg { visibility: hidden; }
.pane.stead::before {
  content: ""; position: absolute; inset: 0; pointer-events: none; z-index: 5; box-shadow: inset 0 0 0 5px #ffd65c;
}
.pane.stead .title { font-size: 26px; line-height: 1.25; color: #ffd65c; }
.aligned { font-size: 12px; } .stead .corner.ne { background: rgba(0, 0, 0, 0.6); padding: 2px 6px; border-radius: 3px; }
.refusal {
  position: absolute; bottom: 72px; left: 50%; transform: translateX(-50%); max-width: 80%; padding: 4px 10px;
  background: #11151a; border: 1px solid #ffb37a; border-radius: 4px; color: #ffd9b8; text-shadow: none;
}
.refusal:empty { display: none; }
.edge { position: absolute; font-size: 16px; font-weight: 700; color: #ffe08a; }
.edge.top { top: 30px; left: 50%; } .edge.bottom { bottom: 30px; left: 50%; }
.edge.left { left: 10px; top: 50%; } .edge.right { right: 10px; top: 50%; }
.scale {
  margin-left: auto; height: 6px; border: 1.5px solid #dfe4ea; border-top: none; position: relative;
  margin-top: 22px; filter: drop-shadow(0 0 2px #000);
}
.scale span { position: absolute; right: 0; bottom: 7px; white-space: nowrap; font-size: 12px; }
/* where the verdict lets no map be drawn (--map is 0), its legend has no colours either */
.explained .film, .explained .trim { bottom: 38px; }
.legend {
  position: absolute; top: 100%; left: 0; right: 0; height: 38px; box-sizing: border-box; padding: 1px 8px;
  white-space: nowrap; overflow: hidden; font-size: 12px; line-height: 18px;
  background: #11151a; text-shadow: none;
}
.legend > div { display: flex; gap: 8px; align-items: center; overflow: hidden; }
.legend .method { margin-left: 6px; font-weight: 600; overflow: hidden; text-overflow: ellipsis; }
.glass, .legend canvas { opacity: var(--map, 0); }
.legend canvas { width: 110px; flex: none; height: 9px; display: block; image-rendering: pixelated; }
.legend .source { opacity: 0.75; font-size: 11px; overflow: hidden; text-overflow: ellipsis; min-width: 0; }
.legend .generated { font-size: 11px; color: #ffd65c; }
/* a narrow pane: the method stands below its colours, and the network below what is said of both */
@container (max-width: 400px) {
  .explained .film, .explained .trim { bottom: 74px; }
  .legend { height: 74px; }
  .legend > div { flex-wrap: wrap; column-gap: 8px; row-gap: 0; }
  .legend .method { margin-left: 0; flex-basis: 100%; }
  .legend .source { flex-basis: 100%; }
}
.waiting { position: absolute; inset: 0; display: grid; place-items: center; opacity: 0.7; }
.lens {
  position: absolute; z-index: 3; width: 220px; height: 220px; border-radius: 50%; pointer-events: none;
  border: 2px solid #dfe4ea; background: #000;
}
.help {
  position: absolute; inset: 44px 24px 24px; z-index: 10; overflow: auto; padding: 14px 18px; border-radius: 6px;
  background: var(--st-background-color, #0a0c0f); border: 1px solid var(--st-border-color, #2b323b);
  box-shadow: 0 8px 40px rgba(0, 0, 0, 0.5);
}
.help .head { display: flex; justify-content: space-between; align-items: center; font-size: 15px; }
.help .head button { line-height: 1.2; padding: 4px 9px; }
.help .mouse { display: grid; gap: 2px; margin: 8px 0 12px; }
.help dl { margin: 0; columns: 3 220px; }
.help dl div { display: flex; gap: 10px; break-inside: avoid; padding: 2px 0; }
.help dt {
  min-width: 58px; text-align: center; border: 1px solid var(--st-border-color, #2b323b);
  border-radius: 4px; padding: 0 5px; font-variant-numeric: tabular-nums;
}
.help dd { margin: 0; }
@media (max-width: 900px) { .corner { font-size: 11px; } }
`;
