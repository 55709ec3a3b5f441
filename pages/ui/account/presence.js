// Tells the server while somebody is there, and covers the screen when nobody was for too long.
// Asks each time: another tab may have been used meanwhile, the sign-in ended elsewhere, or AI been
// switched off.
const USED = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];
const BEFORE = 3; // seconds before the lock: what is being typed is handed over while that counts
const COVER = "lightbox-locked";
const PATIENCE = 5000; // milliseconds that the page has to give way by itself

function handOver() {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  active?.blur?.();
}

function cover(words) {
  if (document.getElementById(COVER)) return;
  const sheet = document.createElement("div");
  sheet.id = COVER;
  sheet.setAttribute("role", "alert");
  sheet.textContent = words;
  sheet.style.cssText = "position:fixed;inset:0;z-index:2147483647;background:#0a0c0f;"
    + "color:#d6dbe1;display:flex;align-items:center;justify-content:center;padding:2rem;";
  document.body.append(sheet);
}

const watches = new WeakMap();
let leaving = 0;
let ended; // number of the drawing that is left: a higher one comes from the server alone

export default function ({ data, parentElement, setTriggerValue }) {
  watches.get(parentElement)?.stop();
  if (data.run !== ended) clearTimeout(leaving); // the server has let this reader in
  const watch = { used: true, timer: 0, until: performance.now() + data.idle * 1000, over: false };
  const note = () => { watch.used = true; };
  const told = { capture: true, passive: true };
  for (const name of USED) document.addEventListener(name, note, told);
  watch.stop = () => {
    clearTimeout(watch.timer);
    watch.over = true;
    for (const name of USED) document.removeEventListener(name, note, told);
    document.getElementById(COVER)?.remove();
  };
  watches.set(parentElement, watch);

  async function ask() {
    const used = watch.used;
    watch.used = false;
    try {
      const answer = await fetch(data.address, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ used }),
      });
      if (watch.over) return;
      if (answer.status >= 500) throw new Error("the server is in trouble");
      const said = answer.ok ? await answer.json() : { state: "ended" };
      if (said.state !== "open") {
        cover(data.words);
        setTriggerValue("ended", said.state);
        // told by the page's socket, which may be cut, and is then refused for good
        ended = data.run;
        clearTimeout(leaving);
        leaving = setTimeout(() => location.reload(), PATIENCE);
        return;
      }
      if (said.ai !== data.ai) setTriggerValue("switched", said.ai);
      watch.until = performance.now() + said.seconds * 1000;
    } catch {
      watch.used ||= used; // not told; the server may be back before the time is up
    }
    if (!watch.over) plan();
  }

  function plan() {
    const left = (watch.until - performance.now()) / 1000;
    if (left <= 0 && !watch.used) cover(data.words);
    if (left <= BEFORE && left > 0 && !watch.used) handOver();
    const wait = left > BEFORE ? Math.min(data.every, left - BEFORE) : Math.min(data.every, 1);
    watch.timer = setTimeout(ask, Math.max(wait, 0.2) * 1000);
  }

  plan();
  return watch.stop;
}
