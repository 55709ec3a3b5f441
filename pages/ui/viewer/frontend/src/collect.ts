// Collects the pixels of a scene by HTTP (pages/ui/viewer/route.py): each with a ticket that is
// good for one request. What cannot be collected is reported, and comes by a carrier.

import { keep, release, store, unpack, waitForPacket } from "./store.ts";

const HEADER = "X-Lightbox-Ticket";

export class Collector {
  private readonly held = new Set<string>();
  private readonly flying = new Map<string, AbortController>();
  private readonly failed = new Set<string>();
  private readonly gone = new AbortController();
  private readonly missing: (hashes: string[]) => void;

  constructor(missing: (hashes: string[]) => void) {
    this.missing = missing;
  }

  /** Let go of what a scene no longer shows, and ask for what is new: first some, then others. */
  update(first: string[], then: string[], tickets: Record<string, string>): void {
    const wanted = [...first, ...then];
    for (const hash of [...this.held]) {
      if (wanted.includes(hash)) continue;
      this.held.delete(hash);
      release(hash);
    }
    for (const [hash, flight] of [...this.flying]) {
      if (wanted.includes(hash)) continue;
      flight.abort();
      this.flying.delete(hash);
    }
    const news = Object.entries(tickets).filter(([hash]) =>
      !this.held.has(hash) && !this.flying.has(hash) && !this.failed.has(hash));
    const flights = new Map(news.map(([hash]) => [hash, new AbortController()]));
    for (const [hash, flight] of flights) this.flying.set(hash, flight);
    const ask = ([hash, ticket]: [string, string]): Promise<void> =>
      this.collect(hash, ticket, flights.get(hash)!.signal);
    // What is large waits: side by side it would hold up what is seen first.
    const early = first.map((hash) => waitForPacket(hash, this.gone.signal));
    void Promise.all(early).then(() => news.filter(([hash]) => !first.includes(hash)).map(ask));
    for (const entry of news) if (first.includes(entry[0])) void ask(entry);
  }

  close(): void {
    this.gone.abort();
    this.update([], [], {});
  }

  private async collect(hash: string, ticket: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const shared = store().packets.get(hash); // another viewer of this page has it
    if (shared) {
      this.flying.delete(hash);
      this.held.add(hash);
      return keep(hash, shared);
    }
    try {
      const { hash: received, ...packet } = unpack(await read(ticket, signal));
      if (signal.aborted) return;
      this.flying.delete(hash);
      if (received !== hash) throw new Error("another packet");
      this.held.add(hash);
      keep(hash, packet);
    } catch {
      if (signal.aborted) return;
      this.flying.delete(hash);
      this.failed.add(hash);
      this.missing([...this.failed]);
    }
  }
}

async function read(ticket: string, signal: AbortSignal): Promise<Uint8Array> {
  const answer = await fetch(address(), {
    method: "POST",
    headers: { [HEADER]: ticket },
    cache: "no-store",
    redirect: "error",
    signal,
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return new Uint8Array(await answer.arrayBuffer());
}

/** Beside Streamlit's own addresses, whatever path it is served under. */
function address(): string {
  return `${import.meta.url.split("/_stcore/")[0]}/film`;
}
