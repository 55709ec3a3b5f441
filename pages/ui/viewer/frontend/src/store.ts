// Pixels that arrived in this page, by the hash of their content. Carriers put them in, viewers
// wait for them; both live in bundles of their own, so the store hangs on the global object.

import type { FilmHeader, OverlayHeader } from "./types.ts";

export interface Parcel {
  header: FilmHeader | OverlayHeader;
  body: Uint8Array; // aligned to 8 bytes
}

/** A parcel under way: its bytes travel in parts, so that sending, moving and reading overlap. */
interface Arrival {
  bytes: Uint8Array;
  missing: Set<number>;
}

interface Store {
  parcels: Map<string, Parcel>;
  arrivals: Map<string, Arrival>;
  holders: Map<string, number>;
  arrived: EventTarget;
}

interface Label {
  hash: string;
  part: number;
  parts: number;
  size: number; // of all parts together
  offset: number; // of this one
}

declare global {
  // eslint-disable-next-line no-var
  var __lightbox: Store | undefined;
}

export function store(): Store {
  globalThis.__lightbox ??= {
    parcels: new Map(),
    arrivals: new Map(),
    holders: new Map(),
    arrived: new EventTarget(),
  };
  return globalThis.__lightbox;
}

/** Split [u32 length of text][text, JSON, padded to 8][rest]. */
function split(bytes: Uint8Array): { text: unknown; rest: Uint8Array } {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const text = new TextDecoder().decode(bytes.subarray(4, 4 + length));
  return { text: JSON.parse(text), rest: bytes.subarray(Math.ceil((4 + length) / 8) * 8) };
}

/** Keep a part of a parcel, until it is released; returns the parcel's hash. */
export function keep(part: Uint8Array): string {
  const { parcels, arrivals, holders, arrived } = store();
  const { text, rest } = split(part);
  const label = text as Label;
  const { hash } = label;
  holders.set(hash, (holders.get(hash) ?? 0) + 1);
  if (parcels.has(hash)) return hash;
  const arrival = arrivals.get(hash) ?? {
    bytes: new Uint8Array(label.size),
    missing: new Set(Array(label.parts).keys()),
  };
  arrivals.set(hash, arrival);
  arrival.bytes.set(rest, label.offset);
  arrival.missing.delete(label.part);
  if (arrival.missing.size) return hash;
  arrivals.delete(hash);
  const { text: header, rest: body } = split(arrival.bytes);
  parcels.set(hash, { header: header as Parcel["header"], body });
  arrived.dispatchEvent(new Event("parcel"));
  return hash;
}

export function release(hash: string): void {
  const { parcels, arrivals, holders } = store();
  const left = (holders.get(hash) ?? 1) - 1;
  if (left > 0) {
    holders.set(hash, left);
    return;
  }
  for (const map of [holders, parcels, arrivals]) map.delete(hash);
}

/** Resolve with a parcel as soon as it is here. */
export function parcel(hash: string, signal: AbortSignal): Promise<Parcel> {
  const { parcels, arrived } = store();
  return new Promise((resolve) => {
    const look = (): void => {
      const found = parcels.get(hash);
      if (!found) return;
      arrived.removeEventListener("parcel", look);
      resolve(found);
    };
    arrived.addEventListener("parcel", look, { signal });
    look();
  });
}
