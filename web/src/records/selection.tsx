import { Button } from "@cloudflare/kumo/components/button";
import { useState } from "react";
import { api, call, type Schema } from "../api/client";
import { useAction } from "../ui/action";
import { counted } from "../ui/format";
import { BulkEdit } from "./bulk-edit";
import type { fullQuery } from "./list-query";
import { useSelection, type Picks } from "./picks";

/** The most that one change takes. */
const most = 10_000;

type Props = {
  zone: Schema<"Zone">;
  query: ReturnType<typeof fullQuery>;
  total: number;
  list: Schema<"Record">[];
  /** What a draft has its hands on: it is selected with nothing else. */
  skip: ReadonlyMap<string, unknown>;
  picks: Picks;
  onDelete: (records: Schema<"Record">[]) => void;
};

/** How many records there are, and what can be done with those that are selected. It stays in sight while one scrolls. */
export function SelectionBar(props: Props) {
  const { zone, picks, total } = props;
  const selected = useSelection(picks);
  const [editing, setEditing] = useState(false);
  const records = [...selected.values()];
  const whole = props.list.length > 0 && props.list.every((r) => selected.has(r.id));
  const all = useAction({
    run: () =>
      call(
        api.GET("/client/v4/zones/{zone_id}/dns_records", {
          params: { path: { zone_id: zone.id }, query: { ...props.query, page: 1, per_page: most } },
        }),
      ),
    then: (answer) => picks.set(new Map(answer.result.filter((r) => !props.skip.has(r.id)).map((r) => [r.id, r]))),
  });
  return (
    <div className="sticky top-0 z-10 flex min-h-11 flex-wrap items-center justify-between gap-2 bg-kumo-canvas py-1">
      <span role="status" className="text-sm text-kumo-subtle">
        {selected.size > 0 ? `${counted(selected.size, "record")} selected` : counted(total, "record")}
      </span>
      {selected.size > 0 && (
        <div className="flex flex-wrap gap-2">
          {whole && selected.size < total && total <= most && (
            <Button loading={all.busy} onClick={() => all.run()}>{`Select all ${counted(total, "record")} that match`}</Button>
          )}
          <Button onClick={() => picks.set(new Map())}>Clear</Button>
          <Button onClick={() => setEditing(true)}>Edit selected</Button>
          <Button variant="secondary-destructive" onClick={() => props.onDelete(records)}>
            Delete selected
          </Button>
        </div>
      )}
      {editing && <BulkEdit zone={zone} records={records} onClose={() => setEditing(false)} onDone={() => picks.set(new Map())} />}
    </div>
  );
}
