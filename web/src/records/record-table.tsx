import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Switch } from "@cloudflare/kumo/components/switch";
import { Table } from "@cloudflare/kumo/components/table";
import { CaretDownIcon, CaretUpIcon, ChatTextIcon, PencilSimpleIcon, TrashIcon } from "@phosphor-icons/react";
import { memo, useDeferredValue, useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { api, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";
import { TableFrame } from "../ui/page";
import { readOnlyText } from "../ui/rights";
import { toUnicode } from "../ui/unicode";
import type { WholeDraft } from "../api/drafts";
import { MarkBadge, TakeOut, type Mark, type Marks } from "./in-draft";
import type { Picks } from "./picks";
import { useProxyReason } from "./proxying";
import { RecordForm, type Kept } from "./record-form";
import { RowTick, PageTick } from "./ticks";
import { ttlText } from "./types";

/** What the records can be sorted by. */
export type Order = "type" | "name" | "content" | "ttl" | "proxied";
export type Sorting = { order: Order; direction: "asc" | "desc" };

/** Their widths stand in app.css (.rows): the browser measures no row, and draws none that is out of sight. */
const heads: [Order, string][] = [
  ["type", "Type"],
  ["name", "Name"],
  ["content", "Content"],
  ["proxied", "Proxy status"],
  ["ttl", "TTL"],
];

type Held = Schema<"Record">;

/** What can be done to a row. */
type Hands = {
  edit: (r: Held) => void;
  remove: (r: Held) => void;
  proxy: (r: Held, on: boolean) => void;
  copy: (r: Held) => void;
};

type Props = {
  zone: Schema<"Zone">;
  records: Schema<"Record">[];
  /** What a draft does with some of them, and that draft where changes go into it. */
  marks: Marks;
  draft: WholeDraft | null;
  sorting: Sorting;
  onSort: (s: Sorting) => void;
  picks: Picks;
  editing: string | null;
  onEdit: (id: string | null) => void;
  onDelete: (records: Schema<"Record">[]) => void;
  kept: Kept;
  readOnly: boolean;
};

/** As many rows as the tallest usual window shows. */
const firstRows = 20;

/** One page of records; the row that is edited holds the form. */
export function RecordTable(props: Props) {
  const back = useFocusBack(props.editing);
  // What fits a window is drawn first, and the rest right after that: a page of many rows is there as soon as one of few.
  const whole = useDeferredValue(true, false);
  const records = whole ? props.records : props.records.slice(0, firstRows);
  const reason = useProxyReason(props.zone);
  const toggle = useToggle(props.zone);
  const copy = useAction({ done: (_, r: Held) => `Content of ${r.type} ${r.name} copied`, run: (r) => navigator.clipboard.writeText(r.content) });
  const pending = toggle.busy ? toggle.input : undefined;
  // One set of hands for all rows, ever the same: what concerns one row then draws that and not five hundred.
  const latest = useRef<Hands>(null!);
  latest.current = {
    edit: (r) => props.onEdit(r.id),
    remove: (r) => props.onDelete([r]),
    proxy: (record, on) => toggle.run({ record, on }),
    copy: (r) => copy.run(r),
  };
  const hands = useMemo<Hands>(
    () => ({
      edit: (r) => latest.current.edit(r),
      remove: (r) => latest.current.remove(r),
      proxy: (r, on) => latest.current.proxy(r, on),
      copy: (r) => latest.current.copy(r),
    }),
    [],
  );
  return (
    <TableFrame label="Records" fits>
      <Table role="table" className={`dense cards rows md:min-w-5xl ${props.readOnly ? "rows-plain" : ""}`} ref={back} onKeyDown={betweenRows}>
        <Table.Header role="rowgroup">
          <Table.Row role="row">
            {!props.readOnly && <PageTick picks={props.picks} records={props.records.filter((r) => !props.marks.has(r.id))} />}
            {heads.map(([order, label]) => (
              <SortHead key={order} order={order} label={label} sorting={props.sorting} onSort={props.onSort} />
            ))}
            {!props.readOnly && <Table.Head role="columnheader">Actions</Table.Head>}
          </Table.Row>
        </Table.Header>
        <Table.Body role="rowgroup">
          {records.map((r) =>
            props.editing === r.id ? (
              <Table.Row key={r.id} role="row" className="row-open">
                <Table.Cell role="cell" colSpan={7}>
                  <RecordForm zone={props.zone} record={r} inDraft={props.marks.has(r.id)} kept={props.kept} onClose={() => props.onEdit(null)} />
                </Table.Cell>
              </Table.Row>
            ) : (
              <RecordRow
                key={r.id}
                record={r}
                zone={props.zone}
                mark={props.marks.get(r.id)}
                draft={props.draft}
                picks={props.picks}
                readOnly={props.readOnly}
                reason={reason}
                pending={pending?.record.id === r.id ? pending.on : undefined}
                hands={hands}
              />
            ),
          )}
        </Table.Body>
      </Table>
    </TableFrame>
  );
}

/** Arrows go from a row's pencil to that of the next: over a long list by one key a row. */
function betweenRows(e: KeyboardEvent<HTMLTableElement>): void {
  const from = e.target;
  if ((e.key !== "ArrowDown" && e.key !== "ArrowUp") || !(from instanceof HTMLElement) || from.dataset.edit === undefined) return;
  const all = [...e.currentTarget.querySelectorAll<HTMLElement>("[data-edit]")];
  const next = all[all.indexOf(from) + (e.key === "ArrowDown" ? 1 : -1)];
  if (next === undefined) return;
  e.preventDefault();
  next.focus();
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
    <Table.Head role="columnheader" aria-sort={current ? (sorting.direction === "asc" ? "ascending" : "descending") : undefined}>
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

type RowProps = {
  record: Held;
  zone: Schema<"Zone">;
  /** What the draft does with it, by which it is shown; the draft, where that can be changed. */
  mark: Mark | undefined;
  draft: WholeDraft | null;
  readOnly: boolean;
  reason: string | undefined;
  /** Where the switch stands while the server has not answered. */
  pending: boolean | undefined;
  picks: Picks;
  hands: Hands;
};

const RecordRow = memo(function RecordRow(props: RowProps) {
  const { record: r, hands, mark, draft } = props;
  const label = `${r.type} ${r.name}`;
  return (
    <Table.Row role="row" data-draft={mark?.kind}>
      {!props.readOnly && (mark ? <td role="cell" className="tick" /> : <RowTick picks={props.picks} record={r} />)}
      <Table.Cell role="cell" className="font-medium">{r.type}</Table.Cell>
      <Table.Cell role="cell" className="break-words">
        <Name name={r.name} zone={props.zone.name} />
        {mark && <MarkBadge mark={mark} />}
        <Notes record={r} />
      </Table.Cell>
      <Table.Cell role="cell" className="content font-mono text-sm break-words">
        {r.priority !== undefined && r.type !== "URI" && <span className="mr-2 text-kumo-strong">{r.priority}</span>}
        <Content text={r.content} />
      </Table.Cell>
      <Table.Cell role="cell" className="whitespace-nowrap">
        <Proxy record={r} readOnly={props.readOnly} held={mark !== undefined} reason={props.reason} pending={props.pending} onChange={(on) => hands.proxy(r, on)} />
      </Table.Cell>
      <Table.Cell role="cell" className="whitespace-nowrap">{ttlText(r.ttl)}</Table.Cell>
      {!props.readOnly && (
        <Table.Cell role="cell">
          <span className="flex items-center gap-1">
            {(!mark || (draft && mark.kind !== "removed")) && (
              <Button size="sm" shape="square" variant="ghost" icon={PencilSimpleIcon} data-edit={r.id} aria-label={`Edit ${label}`} onClick={() => hands.edit(r)} />
            )}
            {!mark && <Button size="sm" shape="square" variant="ghost" icon={TrashIcon} aria-label={`Delete ${label}`} onClick={() => hands.remove(r)} />}
            <button type="button" className="copy" aria-label={`Copy content of ${label}`} onClick={() => hands.copy(r)} />
            {mark && draft && <TakeOut draft={draft} mark={mark} />}
          </span>
        </Table.Cell>
      )}
    </Table.Row>
  );
});

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

/** A name as people write it, with the zone's part dimmed; the A-labels are at hand where it has any. */
function Name({ name, zone }: { name: string; zone: string }) {
  const [text, end] = [toUnicode(name), `.${toUnicode(zone)}`];
  const inside = text.endsWith(end);
  return (
    <span title={text === name ? undefined : name}>
      {inside ? text.slice(0, -end.length) : text}
      {inside && <span className="dim">{end}</span>}
    </span>
  );
}

/** How much of a content a row shows before somebody asks for the rest, in characters. */
const long = 200;

function Content({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  if (text.length <= long) return text;
  return (
    <>
      {open ? text : `${text.slice(0, long)}…`}{" "}
      <button type="button" className="cursor-pointer border-0 bg-transparent p-0 text-kumo-link underline" onClick={() => setOpen(!open)}>
        {open ? "less" : "all of it"}
      </button>
    </>
  );
}

/** Switches the proxy of a record on or off, as far as nobody else has changed it meanwhile. */
function useToggle(zone: Schema<"Zone">) {
  const set = (proxied: boolean, seen: Held) =>
    result(
      api.PATCH("/client/v4/zones/{zone_id}/dns_records/{dns_record_id}", {
        params: { path: { zone_id: zone.id, dns_record_id: seen.id }, header: { "If-Match": `"${seen.modified_on}"` } },
        body: { proxied },
      }),
    );
  return useAction({
    stale: [["records", zone.id]],
    done: (_, { record, on }) => `${record.name} is ${on ? "proxied" : "DNS only"}`,
    run: ({ record, on }: { record: Held; on: boolean }) => set(on, record),
    undoIn: zone.id,
  });
}

function Proxy(props: { record: Held; readOnly: boolean; /** A draft has its hands on it: its form has the switch. */ held: boolean; reason: string | undefined; pending: boolean | undefined; onChange: (on: boolean) => void }) {
  const { record, pending } = props;
  if (!record.proxiable || props.held) return <span className="text-kumo-strong">{record.proxied ? "Proxied" : "DNS only"}</span>;
  const why = props.readOnly ? readOnlyText : record.proxied ? undefined : props.reason;
  const on = pending ?? record.proxied;
  return (
    <span className="flex items-center gap-2" title={why}>
      <Switch
        size="sm"
        aria-label={`Proxy ${record.type} ${record.name}`}
        checked={on}
        disabled={pending !== undefined || why !== undefined}
        onCheckedChange={props.onChange}
      />
      {on ? "Proxied" : "DNS only"}
    </span>
  );
}
