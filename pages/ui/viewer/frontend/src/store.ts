// Pixels that arrived in this page, by the hash of their content. Carriers put them in, viewers
// wait for them; both live in bundles of their own, so the store hangs on the global object.

import type { FilmHeader, OverlayHeader } from "./types.ts";

export interface Parcel {
  header: FilmHeader | OverlayHeader;
  body: Uint8Array; // aligned to 8 bytes
}

interface Store {
  parcels: Map<string, Parcel>;
  holders: Map<string, number>;
  arrived: EventTarget;
}

declare global {
  // eslint-disable-next-line no-var
  var __lightbox: Store | undefined;
}

export function store(): Store {
  globalThis.__lightbox ??= {
    parcels: new Map(),
    holders: new Map(),
    arrived: new EventTarget(),
  };
  return globalThis.__lightbox;
}

/** Unpack [u32 length of header][header, JSON, padded to 8][pixels]. */
export function unpack(bytes: Uint8Array): Parcel & { hash: string } {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  const view = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  const length = view.getUint32(0, true);
  const text = new TextDecoder().decode(aligned.subarray(4, 4 + length));
  const { hash, ...header } = JSON.parse(text) as (FilmHeader | OverlayHeader) & { hash: string };
  const start = Math.ceil((4 + length) / 8) * 8;
  return { hash, header: header as FilmHeader, body: aligned.subarray(start) };
}

/** Keep a parcel until it is released as often as it was kept. */
export function keep(hash: string, parcel: Parcel): void {
  const { parcels, holders, arrived } = store();
  holders.set(hash, (holders.get(hash) ?? 0) + 1);
  if (!parcels.has(hash)) parcels.set(hash, parcel);
  arrived.dispatchEvent(new Event("parcel"));
}

export function release(hash: string): void {
  const { parcels, holders } = store();
  const left = (holders.get(hash) ?? 1) - 1;
  if (left > 0) {
    holders.set(hash, left);
    return;
  }
  holders.delete(hash);
  parcels.delete(hash);
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
