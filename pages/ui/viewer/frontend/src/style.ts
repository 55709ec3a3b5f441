// The viewer's style sheet. Films stand on black in either theme; only the bars follow it.

export const CSS = `
.viewer { display: flex; flex-direction: column; width: 100%; outline: none; background: #000; }
.grid { flex: 1; min-height: 0; display: grid; gap: 2px; background: #222; }
.grid[data-layout="2"] { grid-template-columns: 1fr 1fr; }
.grid[data-layout="4"] { grid-template-columns: 1fr 1fr; grid-template-rows: 1fr 1fr; }
.pane { position: relative; overflow: hidden; background: #000; min-width: 0; min-height: 0; }
.film { position: absolute; inset: 0; }
`;
