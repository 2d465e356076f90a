import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Switch } from "@cloudflare/kumo/components/switch";
import { Table } from "@cloudflare/kumo/components/table";
import { CaretDownIcon, CaretUpIcon, ChatTextIcon, PencilSimpleIcon, TrashIcon } from "@phosphor-icons/react";
import { useEffect, useRef } from "react";
import { api, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";
import { TableFrame } from "../ui/page";
import { RecordForm } from "./record-form";
import { ttlText } from "./types";

/** What the records can be sorted by. */
export type Order = "type" | "name" | "content" | "ttl" | "proxied";
export type Sorting = { order: Order; direction: "asc" | "desc" };

const heads: [Order, string][] = [
  ["type", "Type"],
  ["name", "Name"],
  ["content", "Content"],
  ["proxied", "Proxy status"],
  ["ttl", "TTL"],
];

type Props = {
  zone: Schema<"Zone">;
  records: Schema<"Record">[];
  sorting: Sorting;
  onSort: (s: Sorting) => void;
  selected: ReadonlySet<string>;
  onSelect: (ids: ReadonlySet<string>) => void;
  editing: string | null;
  onEdit: (id: string | null) => void;
  onDelete: (records: Schema<"Record">[]) => void;
};

/** One page of records; the row that is edited holds the form. */
export function RecordTable(props: Props) {
  const all = props.records.every((r) => props.selected.has(r.id));
  const back = useFocusBack(props.editing);
  const toggle = (id: string, on: boolean) => {
    const next = new Set(props.selected);
    if (on) next.add(id);
    else next.delete(id);
    props.onSelect(next);
  };
  return (
    <TableFrame label="Records">
      <Table className="dense" ref={back}>
        <Table.Header>
          <Table.Row>
            <Table.CheckHead
              label="Select all records on this page"
              checked={all}
              indeterminate={!all && props.selected.size > 0}
              onCheckedChange={(on) => props.onSelect(new Set(on ? props.records.map((r) => r.id) : []))}
            />
            {heads.map(([order, label]) => (
              <SortHead key={order} order={order} label={label} sorting={props.sorting} onSort={props.onSort} />
            ))}
            <Table.Head>Actions</Table.Head>
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {props.records.map((r) =>
            props.editing === r.id ? (
              <Table.Row key={r.id}>
                <Table.Cell colSpan={7}>
                  <RecordForm zone={props.zone} record={r} onClose={() => props.onEdit(null)} />
                </Table.Cell>
              </Table.Row>
            ) : (
              <RecordRow
                key={r.id}
                record={r}
                zone={props.zone}
                checked={props.selected.has(r.id)}
                onCheck={(on) => toggle(r.id, on)}
                onEdit={() => props.onEdit(r.id)}
                onDelete={() => props.onDelete([r])}
              />
            ),
          )}
        </Table.Body>
      </Table>
    </TableFrame>
  );
}

/** Gives the keyboard back to the row whose form was closed. */
function useFocusBack(editing: string | null) {
  const table = useRef<HTMLTableElement>(null);
  const before = useRef<string | null>(null);
  useEffect(() => {
    if (editing === null && before.current !== null) {
      table.current?.querySelector<HTMLElement>(`[data-edit="${before.current}"]`)?.focus();
    }
    before.current = editing;
  }, [editing]);
  return table;
}

function SortHead(props: { order: Order; label: string; sorting: Sorting; onSort: (s: Sorting) => void }) {
  const { sorting, order } = props;
  const current = sorting.order === order;
  const Caret = sorting.direction === "asc" ? CaretUpIcon : CaretDownIcon;
  return (
    <Table.Head aria-sort={current ? (sorting.direction === "asc" ? "ascending" : "descending") : undefined}>
      <button
        type="button"
        className="inline-flex cursor-pointer items-center gap-1 border-0 bg-transparent p-0 font-[inherit] text-inherit whitespace-nowrap"
        onClick={() => props.onSort({ order, direction: current && sorting.direction === "asc" ? "desc" : "asc" })}
      >
        {props.label}
        {current && <Caret aria-hidden className="size-3" />}
      </button>
    </Table.Head>
  );
}

function RecordRow(props: {
  record: Schema<"Record">;
  zone: Schema<"Zone">;
  checked: boolean;
  onCheck: (on: boolean) => void;
  onEdit: () => void;
  onDelete: () => void;
}) {
  const r = props.record;
  const label = `${r.type} ${r.name}`;
  return (
    <Table.Row variant={props.checked ? "selected" : "default"}>
      <Table.CheckCell label={`Select ${label}`} checked={props.checked} onCheckedChange={props.onCheck} />
      <Table.Cell className="font-medium">{r.type}</Table.Cell>
      <Table.Cell className="max-w-64 min-w-44 break-words">
        {r.name}
        <Notes record={r} />
      </Table.Cell>
      <Table.Cell className="max-w-80 min-w-48 break-words">
        {r.priority !== undefined && r.type !== "URI" && <span className="mr-2 text-kumo-strong">{r.priority}</span>}
        {r.content.length > 200 ? `${r.content.slice(0, 200)}…` : r.content}
      </Table.Cell>
      <Table.Cell className="whitespace-nowrap">
        <Proxy record={r} zone={props.zone} />
      </Table.Cell>
      <Table.Cell className="whitespace-nowrap">{ttlText(r.ttl)}</Table.Cell>
      <Table.Cell>
        <span className="flex items-center gap-1">
          <Button shape="square" variant="ghost" icon={PencilSimpleIcon} data-edit={r.id} aria-label={`Edit ${label}`} onClick={props.onEdit} />
          <Button shape="square" variant="ghost" icon={TrashIcon} aria-label={`Delete ${label}`} onClick={props.onDelete} />
        </span>
      </Table.Cell>
    </Table.Row>
  );
}

function Notes(props: { record: Schema<"Record"> }) {
  const { comment, tags } = props.record;
  if (!comment && tags.length === 0) return null;
  return (
    <span className="mt-1 flex flex-wrap items-center gap-1 text-sm text-kumo-strong">
      {comment && <ChatTextIcon aria-hidden className="size-4 shrink-0" />}
      {comment}
      {tags.map((t) => (
        <Badge key={t} variant="outline" className="max-w-full whitespace-normal">
          {t}
        </Badge>
      ))}
    </span>
  );
}

function Proxy({ record, zone }: { record: Schema<"Record">; zone: Schema<"Zone"> }) {
  const toggle = useAction({
    stale: [["records", zone.id]],
    run: (proxied: boolean) =>
      result(
        api.PATCH("/client/v4/zones/{zone_id}/dns_records/{dns_record_id}", {
          params: { path: { zone_id: zone.id, dns_record_id: record.id } },
          body: { proxied },
        }),
      ),
  });
  if (!record.proxiable) return <span className="text-kumo-strong">DNS only</span>;
  return (
    <span className="flex items-center gap-2">
      <Switch
        size="sm"
        aria-label={`Proxy ${record.type} ${record.name}`}
        checked={record.proxied}
        disabled={toggle.busy}
        onCheckedChange={(on) => toggle.run(on)}
      />
      {record.proxied ? "Proxied" : "DNS only"}
    </span>
  );
}
