import { useSyncExternalStore } from "react";
import type { Schema } from "../api/client";

type Held = Schema<"Record">;

/** The records that are selected, by id; they stay when another page is shown. */
export type Selection = ReadonlyMap<string, Held>;

/**
 * What is selected, kept beside the list rather than in it: each tick listens for itself, and neither the list nor its rows are
 * rendered when it changes.
 */
export class Picks {
  private held: Selection = new Map();
  private readonly listeners = new Set<() => void>();

  readonly get = (): Selection => this.held;

  readonly subscribe = (l: () => void) => {
    this.listeners.add(l);
    return () => {
      this.listeners.delete(l);
    };
  };

  set(next: Selection): void {
    if (next.size === 0 && this.held.size === 0) return;
    this.held = next;
    for (const l of this.listeners) l();
  }

  /** Selects records, or no longer. */
  mark(records: Held[], on: boolean): void {
    const next = new Map(this.held);
    for (const r of records) {
      if (on) next.set(r.id, r);
      else next.delete(r.id);
    }
    this.set(next);
  }
}

export const useSelection = (picks: Picks): Selection => useSyncExternalStore(picks.subscribe, picks.get);
