import { useSyncExternalStore } from "react";

/** The draft that the changes of a zone go into, in place of being made. */
export type Collecting = { id: string; name: string };

// What was chosen is kept for this tab, so that loading the page again does not make changes of what was to be collected.
const keyOf = (zone: string) => `headwater-draft ${zone}`;
const chosen = new Map<string, Collecting | null>();
const listeners = new Set<() => void>();

function tell(): void {
  for (const l of listeners) l();
}

function kept(zone: string): Collecting | null {
  try {
    return JSON.parse(sessionStorage.getItem(keyOf(zone)) ?? "null") as Collecting | null;
  } catch {
    return null; // a browser that keeps nothing, or another's text
  }
}

/** The draft that the changes of a zone go into; null: they are made. */
export function collectingIn(zone: string): Collecting | null {
  if (!chosen.has(zone)) chosen.set(zone, kept(zone));
  return chosen.get(zone) ?? null;
}

/** Has the changes of a zone go into a draft from now on, or be made again. */
export function collectIn(zone: string, draft: Collecting | null): void {
  chosen.set(zone, draft);
  try {
    if (draft) sessionStorage.setItem(keyOf(zone), JSON.stringify(draft));
    else sessionStorage.removeItem(keyOf(zone));
  } catch {
    // It holds until the page is loaded again.
  }
  tell();
}

const subscribe = (l: () => void) => {
  listeners.add(l);
  return () => {
    listeners.delete(l);
  };
};

export const useCollecting = (zone: string): Collecting | null => useSyncExternalStore(subscribe, () => collectingIn(zone));

/** Calls of a zone. */
const ofZone = /^\/(?:client\/v4|headwater\/v1)\/zones\/([0-9a-f]{32})(\/.*)?$/;

/** What changes nothing of a zone, or is about drafts and history themselves: it is done at once in any case. What else no draft can hold the server refuses. */
const apart = /^\/(?:drafts(?:\/.*)?|revert|activation_check|access_check|secondary_dns\/outgoing\/force_notify)$/;

/** The headers that have a call go into the draft that was chosen for its zone. */
export function collectHeaders(method: string, path: string): Record<string, string> {
  if (method === "GET") return {};
  const [, zone, rest = ""] = ofZone.exec(path) ?? [];
  const draft = zone === undefined || apart.test(rest) ? null : collectingIn(zone);
  return draft ? { "Headwater-Draft": draft.id } : {};
}

// Zones of four eyes: who is refused for that is led to a draft, and what was refused is put into it.
type Waiter = { zone: string; resolve: (chosen: boolean) => void };
let waiters: Waiter[] = [];
let shown: string | null = null;

/** The zone that is shown, if any: it alone can ask for a draft. Gives what ends that. */
export function showsZone(zone: string): () => void {
  shown = zone;
  return () => {
    if (shown === zone) shown = null;
    settle(zone, false);
  };
}

function settle(zone: string, on: boolean): void {
  const mine = waiters.filter((w) => w.zone === zone);
  waiters = waiters.filter((w) => w.zone !== zone);
  tell();
  for (const w of mine) w.resolve(on);
}

/** A draft was chosen, or none, for what four eyes have refused. */
export const led = settle;

/** Whether a draft is asked for. */
export const useLeading = (zone: string): boolean => useSyncExternalStore(subscribe, () => waiters.some((w) => w.zone === zone));

/** Asks for a draft in the zone that is shown, and says whether one was chosen; not where one was before: then that is what was refused. */
export function leadToDraft(): Promise<boolean> {
  const zone = shown;
  if (zone === null || collectingIn(zone) !== null) return Promise.resolve(false);
  return new Promise((resolve) => {
    waiters = [...waiters, { zone, resolve }];
    tell();
  });
}
