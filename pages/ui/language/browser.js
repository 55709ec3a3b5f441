// The page's language for the browser, and Streamlit's own words in it.
//
// Streamlit has no catalogue: its words are replaced where they appear. Only what stands in its own
// controls (`scope`), or names one to a screen reader, is looked at; a word of ours or of a patient
// is in none of them, or differs. Text nodes are altered in place, which React does not mind.

const SPOKEN = ["aria-label", "title", "placeholder"];
const LOCALE = Symbol.for("react-aria.i18n.locale"); // of Streamlit's calendar
const originals = new WeakMap(); // text node or element -> what Streamlit wrote there
let words = new Map();
let patterns = [];
let scope = "";
let observer = null;

export default function ({ data }) {
  document.documentElement.lang = data.tag;
  if (window[LOCALE] !== data.tag) {
    window[LOCALE] = data.tag;
    window.dispatchEvent(new Event("languagechange"));
  }
  if (data.chosen !== null) { // nobody is signed in: the last reader's stays
    const kept = data.chosen ? 31536000 : 0;
    document.cookie =
      `${data.cookie}=${data.chosen}; Path=/; SameSite=Strict; Max-Age=${kept}`;
  }
  words = new Map(Object.entries(data.words));
  patterns = data.patterns.map(([english, said]) => [asPattern(english), said]);
  scope = data.scope;
  if (!observer) {
    observer = new MutationObserver((records) => records.forEach(look));
    observer.observe(document.body, {
      subtree: true, childList: true, characterData: true,
      attributes: true, attributeFilter: SPOKEN,
    });
  }
  lookThrough(document.body);
}

function look(record) {
  if (record.type === "characterData") translateText(record.target);
  else if (record.type === "attributes") translateAttribute(record.target, record.attributeName);
  else record.addedNodes.forEach(lookThrough);
}

function lookThrough(node) {
  if (node.nodeType === Node.TEXT_NODE) return translateText(node);
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let at = node; at; at = walker.nextNode()) {
    if (at.nodeType === Node.TEXT_NODE) translateText(at);
    else for (const name of SPOKEN) if (at.hasAttribute(name)) translateAttribute(at, name);
  }
}

function translateText(node) {
  if (!node.parentElement?.closest(scope)) return;
  put(node, "text", node.nodeValue, (said) => { node.nodeValue = said; });
}

function translateAttribute(element, name) {
  put(element, name, element.getAttribute(name), (said) => element.setAttribute(name, said));
}

// What was put there by us is asked for again by what Streamlit had written; anything else is new.
function put(node, name, present, write) {
  if (!present) return;
  const kept = originals.get(node) ?? {};
  const english = kept[name]?.said === present ? kept[name].english : present;
  const said = translate(english);
  if (said === present) return;
  kept[name] = { english, said };
  originals.set(node, kept);
  write(said);
}

function translate(english) {
  const said = words.get(english.trim());
  if (said !== undefined) return said;
  for (const [pattern, template] of patterns) {
    const found = pattern.exec(english);
    if (found) return template.replace("{0}", () => found[1]);
  }
  return english;
}

function asPattern(english) {
  const [before, after] = english.split("{0}").map((part) => part.replace(/[^\w ]/g, "\\$&"));
  return new RegExp(`^${before}(.+)${after}$`);
}
