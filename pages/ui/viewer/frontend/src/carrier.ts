// The component that carries pixels into the page and shows nothing. One per film or overlay, so
// that a change of anything else sends no pixel again.

import { keep, release, unpack } from "./store.ts";
import type { Mount } from "./types.ts";

const held = new WeakMap<object, { data: Uint8Array; hash: string }>();
const calls = new WeakMap<object, object>(); // the last of each

export default function carrier({ data, parentElement }: Mount<Uint8Array | null>): () => void {
  const before = held.get(parentElement);
  if (data && before?.data !== data) {
    const { hash, ...packet } = unpack(data);
    if (before?.hash !== hash) {
      keep(hash, packet);
      if (before) release(before.hash);
    }
    held.set(parentElement, { data, hash });
  }
  // Streamlit may clean up an earlier call after a later one: only the last lets the pixels go
  const call = {};
  calls.set(parentElement, call);
  return () => {
    if (calls.get(parentElement) !== call) return;
    const last = held.get(parentElement);
    if (last) release(last.hash);
    held.delete(parentElement);
  };
}
