// Pixels that arrived in this page, by the hash of their content. Carriers put them in, viewers
// wait for them; both live in bundles of their own, so the store hangs on the global object.

import type { FilmHeader, OverlayHeader } from "./types.ts";

export interface PixelPacket {
  header: FilmHeader | OverlayHeader;
  body: Uint8Array; // aligned to 8 bytes
}

interface Store {
  packets: Map<string, PixelPacket>;
  holders: Map<string, number>;
  arrived: EventTarget;
}

declare global {
  // eslint-disable-next-line no-var
  var __lightbox: Store | undefined;
}

export function store(): Store {
  globalThis.__lightbox ??= {
    packets: new Map(),
    holders: new Map(),
    arrived: new EventTarget(),
  };
  return globalThis.__lightbox;
}

/** Unpack [u32 length of header][header, JSON, padded to 8][pixels]. */
export function unpack(bytes: Uint8Array): PixelPacket & { hash: string } {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  const view = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  const length = view.getUint32(0, true);
  const text = new TextDecoder().decode(aligned.subarray(4, 4 + length));
  const { hash, ...header } = JSON.parse(text) as (FilmHeader | OverlayHeader) & { hash: string };
  const start = Math.ceil((4 + length) / 8) * 8;
  return { hash, header: header as FilmHeader, body: aligned.subarray(start) };
}

/** Keep a packet until it is released as often as it was kept. */
export function keep(hash: string, packet: PixelPacket): void {
  const { packets, holders, arrived } = store();
  holders.set(hash, (holders.get(hash) ?? 0) + 1);
  if (!packets.has(hash)) packets.set(hash, packet);
  arrived.dispatchEvent(new Event("packet"));
}

export function release(hash: string): void {
  const { packets, holders } = store();
  const left = (holders.get(hash) ?? 1) - 1;
  if (left > 0) {
    holders.set(hash, left);
    return;
  }
  holders.delete(hash);
  packets.delete(hash);
}

/** Resolve with a packet as soon as it is here. */
export function waitForPacket(hash: string, signal: AbortSignal): Promise<PixelPacket> {
  const { packets, arrived } = store();
  return new Promise((resolve) => {
    const look = (): void => {
      const packet = packets.get(hash);
      if (!packet) return;
      arrived.removeEventListener("packet", look);
      resolve(packet);
    };
    arrived.addEventListener("packet", look, { signal });
    look();
  });
}
