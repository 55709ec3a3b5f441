// The viewer component. Streamlit calls the default export whenever `data` changes.

import type { Mount, SceneSpec } from "./types.ts";
import { Viewer } from "./viewer.ts";

const viewers = new WeakMap<object, Viewer>();

export default function viewer(mount: Mount<SceneSpec>): () => void {
  const { parentElement, data, setStateValue, setTriggerValue } = mount;
  let found = viewers.get(parentElement);
  if (!found) {
    found = new Viewer(parentElement);
    viewers.set(parentElement, found);
  }
  found.report = (reading) => setStateValue("reading", reading);
  found.missing = (hashes) => setStateValue("missing", hashes);
  found.step = (at) => setTriggerValue("step", at);
  found.update(data);
  return () => {
    viewers.get(parentElement)?.close();
    viewers.delete(parentElement);
  };
}
