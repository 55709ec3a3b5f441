// The viewer component. Streamlit calls the default export whenever `data` changes.

import type { Mount, SceneSpec } from "./types.ts";
import { Viewer } from "./viewer.ts";

const viewers = new WeakMap<object, Viewer>();
const calls = new WeakMap<object, Mount<SceneSpec>>(); // the last of each

export default function viewer(mount: Mount<SceneSpec>): () => void {
  const { parentElement, data, setStateValue, setTriggerValue } = mount;
  let instance = viewers.get(parentElement);
  if (!instance) {
    instance = new Viewer(parentElement);
    viewers.set(parentElement, instance);
  }
  instance.report = (reading) => setStateValue("reading", reading);
  instance.missing = (hashes) => setStateValue("missing", hashes);
  instance.step = (at) => setTriggerValue("step", at);
  instance.acts.ask = (name, number) => setTriggerValue("act", { name, number });
  instance.update(data);
  // Streamlit may clean up an earlier call after a later one: only the last closes the viewer
  calls.set(parentElement, mount);
  return () => {
    if (calls.get(parentElement) !== mount) return;
    viewers.get(parentElement)?.close();
    viewers.delete(parentElement);
  };
}
