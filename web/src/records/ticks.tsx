import { Table } from "@cloudflare/kumo/components/table";
import { useEffect, useLayoutEffect, useRef } from "react";
import type { Schema } from "../api/client";
import { useSelection, type Picks } from "./picks";

/**
 * The tick of one row, and the row's ground. Both are set by hand when the selection changes: selecting five hundred rows then takes
 * a thousand assignments rather than five hundred components and all that is in their rows.
 */
export function RowTick({ picks, record }: { picks: Picks; record: Schema<"Record"> }) {
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    const show = () => {
      const tick = input.current;
      const on = picks.get().has(record.id);
      if (!tick || tick.checked === on && tick.closest("tr")?.hasAttribute("data-picked") === on) return;
      tick.checked = on;
      tick.closest("tr")?.toggleAttribute("data-picked", on);
    };
    show();
    return picks.subscribe(show);
  }, [picks, record.id]);
  return (
    <td role="cell" className="tick">
      <input ref={input} type="checkbox" aria-label={`Select ${record.type} ${record.name}`} onChange={(e) => picks.mark([record], e.target.checked)} />
    </td>
  );
}

/** The tick above them, for all of the page. */
export function PageTick({ picks, records }: { picks: Picks; records: Schema<"Record">[] }) {
  const selected = useSelection(picks);
  const input = useRef<HTMLInputElement>(null);
  const all = records.every((r) => selected.has(r.id));
  const some = !all && records.some((r) => selected.has(r.id));
  useEffect(() => {
    if (input.current) input.current.indeterminate = some;
  }, [some]);
  return (
    <Table.Head role="columnheader" className="tick">
      <input ref={input} type="checkbox" aria-label="Select all records on this page" checked={all} onChange={(e) => picks.mark(records, e.target.checked)} />
    </Table.Head>
  );
}
