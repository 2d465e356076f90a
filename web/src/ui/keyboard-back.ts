import { useEffect, useRef } from "react";

/** How long what follows from a dialog may take to be drawn, in milliseconds. */
const patience = 2_000;

/** What stands for one row of a table or a list. */
const rows = "tr, li, [role=row], [role=listitem]";

/** A row, and what its button is called that does what the opener does: a table that is drawn anew has other rows, under the same names. */
type Neighbour = { row: Element; name: string };

/** The place of a button among others, so that what stands in for it is found when it is gone. */
type Place = { opener: HTMLElement; name: string; order: Neighbour[]; row: Element | null; onPage: boolean };

const called = (e: Element) => e.getAttribute("aria-label") ?? e.textContent ?? "";

/** What one does first in a call for something: "Delete" of "Delete www". */
const kindOf = (name: string) => name.split(/[ :]/, 1)[0]!;

const pressed = "button, a[href], [role=switch]";

function placeOf(opener: HTMLElement): Place {
  const row = opener.closest(rows);
  const all = [...(row?.parentElement?.children ?? [])];
  const at = row === null ? -1 : all.indexOf(row);
  const name = called(opener);
  // The row after it, and those after that; then those before it, the nearest first.
  const order = [...all.slice(at + 1), ...all.slice(0, Math.max(at, 0)).reverse()].map((row) => ({
    row,
    name: [...row.querySelectorAll(pressed)].map(called).find((n) => n.startsWith(kindOf(name))) ?? "",
  }));
  return { opener, name, row, order, onPage: opener.closest("[role=dialog]") === null };
}

/** What has ever opened a dialog: to the last of these that is left the dialog gives the keyboard when its own opener has gone. */
const openers = new WeakSet<Element>();

/** The focus is where nobody has brought it: the dialog's own choice in place of an opener that has gone. */
const byDefault = (e: Element) => openers.has(e) || e.hasAttribute("aria-haspopup");

const usable = (e: Element | null | undefined): e is HTMLElement => e instanceof HTMLElement && e.isConnected && !e.matches(":disabled");

/** Its like in the nearest row that is left; else the first button of the page; else the page. */
function standIn(p: Place): HTMLElement | null {
  const kind = kindOf(p.name);
  const main = document.querySelector<HTMLElement>("main");
  for (const { row, name } of p.order) {
    const buttons = [...((row.isConnected ? row : main)?.querySelectorAll<HTMLElement>(pressed) ?? [])].filter(usable);
    const found = row.isConnected ? (buttons.find((b) => called(b).startsWith(kind)) ?? buttons.at(-1)) : name && buttons.find((b) => called(b) === name);
    if (found) return found;
  }
  return [...(main?.querySelectorAll<HTMLElement>("header button, button") ?? [])].find(usable) ?? main;
}

/**
 * Gives the keyboard back when a dialog closes. To the button that opened it the dialog does so itself; where that has gone, as the row of
 * what was deleted does, its like in the next row gets it. Whatever has taken the focus meanwhile keeps it.
 */
export function useKeyboardBack(open: boolean): void {
  const from = useRef<Place | null>(null);
  const was = useRef(false);
  // Looked at before the dialog takes the focus, which it does ahead of effects.
  if (open && !was.current && document.activeElement instanceof HTMLElement) {
    from.current = placeOf(document.activeElement);
    openers.add(document.activeElement);
  }
  was.current = open;
  useEffect(() => {
    const place = from.current;
    if (!open || place === null) return;
    return () => {
      const end = performance.now() + patience;
      const hands = new AbortController(); // whoever works on does not have the keyboard taken away
      let idle = true;
      for (const deed of ["keydown", "pointerdown"]) addEventListener(deed, () => (idle = false), { capture: true, signal: hands.signal });
      const look = () => {
        const now = document.activeElement;
        const nowhere = now === null || now === document.body || !now.isConnected;
        const gone = !usable(place.opener);
        // One that was opened from another dialog leads back to what had opened that, which is the library's choice, too.
        const lost = nowhere || (gone && idle && place.onPage && byDefault(now));
        const taken = !lost && now.closest("[role=dialog]") === null;
        if (lost && gone) standIn(place)?.focus();
        else if (!taken && performance.now() < end) return void requestAnimationFrame(look);
        else if (lost) place.opener.focus();
        hands.abort();
      };
      requestAnimationFrame(look);
    };
  }, [open]);
}
