import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { ArrowUUpLeftIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Schema } from "../api/client";
import { collectIn, useCollecting } from "../api/collect";
import { draftQuery, draftsQuery, removePart, type WholeDraft } from "../api/drafts";
import { isOver } from "../drafts/words";
import { useAction } from "../ui/action";
import { counted } from "../ui/format";
import { toUnicode } from "../ui/unicode";
import type { RecordSearch } from "./list-query";

type Held = Schema<"Record">;

/** What a draft makes of one record. */
export type Mark = { kind: "added" | "changed" | "removed"; /** As it would be; one that goes, as it is. */ record: Held; /** The parts that do it, the newest first. */ parts: string[] };
export type Marks = ReadonlyMap<string, Mark>;

const none: Marks = new Map();

/** What the parts of a draft come to, record by record: one that is added and changed is added, one that is added and removed is nothing. */
export function marksOf(draft: WholeDraft): Marks {
  const all = new Map<string, { before: Held | null; after: Held | null; parts: string[] }>();
  for (const p of draft.parts) {
    if (p.resource !== "dns.record") continue;
    const [before, after] = [p.before as Held | null, p.after as Held | null];
    const had = all.get(p.object_id);
    all.set(p.object_id, had ? { before: had.before, after, parts: [p.id, ...had.parts] } : { before, after, parts: [p.id] });
  }
  const out = new Map<string, Mark>();
  for (const [id, { before, after, parts }] of all) {
    const record = after ?? before;
    if (record === null || (before === null && after === null)) continue;
    out.set(id, { kind: before === null ? "added" : after === null ? "removed" : "changed", record: { ...record, id }, parts });
  }
  return out;
}

/** In the address: the zone as it is, whatever is collected. */
const asItIs = "none";

/** The draft that the list is shown with: the one that is looked at, or else the one that changes go into. */
export function useShownDraft(zone: string, chosen: string | undefined): { draft: WholeDraft | null; marks: Marks } {
  const collecting = useCollecting(zone);
  const id = chosen === asItIs ? undefined : (chosen ?? collecting?.id);
  const known = useQuery({ ...draftQuery(zone, id ?? ""), enabled: id !== undefined }).data;
  const draft = id !== undefined && known && !isOver(known) ? known : null;
  return { draft, marks: useMemo(() => (draft ? marksOf(draft) : none), [draft]) };
}

/** Whether a record that is not in the zone yet belongs to a list, as the server would say it of one that is. */
export function matches(r: Held, s: RecordSearch): boolean {
  if (s.type !== undefined && r.type !== s.type) return false;
  if (s.proxied !== undefined && String(r.proxied) !== s.proxied) return false;
  const text = (s.search ?? "").toLowerCase();
  return [r.name, toUnicode(r.name), r.content, r.comment ?? "", ...r.tags].some((t) => t.toLowerCase().includes(text));
}

/** A page of records as a draft would have it: what it adds stands before the first page, what it removes stays to be seen. */
export function withMarks(list: Held[], marks: Marks, search: RecordSearch): Held[] {
  if (marks.size === 0) return list;
  const there = new Set(list.map((r) => r.id));
  const added = (search.page ?? 1) > 1 ? [] : [...marks.values()].filter((m) => m.kind === "added" && !there.has(m.record.id) && matches(m.record, search));
  return [...added.map((m) => m.record), ...list.map((r) => marks.get(r.id)?.record ?? r)];
}

const words = { added: ["success", "Added"], changed: ["info", "Changed"], removed: ["error", "Removed"] } as const;

/** What the draft does with the record, beside its type. */
export function MarkBadge({ mark }: { mark: Mark }) {
  const [variant, text] = words[mark.kind];
  return (
    <Badge appearance="dot" variant={variant} className="ml-2">
      {text}
    </Badge>
  );
}

/** Takes out of the draft what it does with one record. */
export function TakeOut({ draft, mark }: { draft: WholeDraft; mark: Mark }) {
  const label = `${mark.record.type} ${mark.record.name}`;
  const act = useAction({
    direct: true,
    done: "Taken out of the draft",
    stale: [["drafts", draft.zone_id]],
    run: async () => {
      for (const part of mark.parts) await removePart(draft, part);
    },
  });
  return <Button size="sm" shape="square" variant="ghost" icon={ArrowUUpLeftIcon} loading={act.busy} title="Take out of the draft" aria-label={`Take out of the draft: ${label}`} onClick={() => act.run()} />;
}

type Zone = Schema<"Zone">;

/** Says what the list is shown with, and leads to the other views of it. */
export function ShownDraft(props: { zone: Zone; draft: WholeDraft | null; marks: Marks; chosen: string | undefined; may: boolean; onShow: (draft: string | undefined) => void }) {
  const { zone, draft, marks, onShow } = props;
  const collecting = useCollecting(zone.id);
  const open = useQuery({ ...draftsQuery(zone.id), refetchInterval: false }).data?.filter((d) => !isOver(d) && d.id !== draft?.id) ?? [];
  if (draft === null && open.length === 0) return null;
  const kinds = (["added", "changed", "removed"] as const).map((k) => [k, [...marks.values()].filter((m) => m.kind === k).length] as const).filter(([, n]) => n > 0);
  const mine = draft !== null && collecting?.id === draft.id;
  return (
    <div role="region" aria-label="Shown with a draft" className="flex flex-wrap items-center gap-2 text-sm text-kumo-subtle">
      <span role="status" className="min-w-0 flex-1 break-words">
        {draft === null
          ? `${counted(open.length, "draft")} ${open.length === 1 ? "is" : "are"} open. Records are shown as they are.`
          : `Shown as the draft “${draft.name}” would have it: ${kinds.length === 0 ? "no record changes" : kinds.map(([k, n]) => `${n} ${k}`).join(", ")}.${mine ? "" : " What you change meanwhile is made at once."}`}
      </span>
      {draft !== null && !mine && (
        <Button size="sm" disabled={!props.may} onClick={() => collectIn(zone.id, { id: draft.id, name: draft.name })}>
          Collect into it
        </Button>
      )}
      {draft !== null && (
        <Button size="sm" variant="ghost" onClick={() => onShow(mine ? asItIs : undefined)}>
          Show records as they are
        </Button>
      )}
      {draft === null &&
        open.slice(0, 3).map((d) => (
          <Button key={d.id} size="sm" variant="ghost" onClick={() => onShow(collecting?.id === d.id ? undefined : d.id)}>
            {`Show with “${d.name}”`}
          </Button>
        ))}
    </div>
  );
}
