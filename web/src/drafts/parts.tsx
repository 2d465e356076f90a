import { Button } from "@cloudflare/kumo/components/button";
import { useState } from "react";
import type { ChangePlan, Schema } from "../api/client";
import { removePart, type DraftPart, type WholeDraft } from "../api/drafts";
import { RecordDiff, SettingDiff } from "../history/diff";
import { useAction } from "../ui/action";
import { ago, counted, moment } from "../ui/format";
import { differences, isOver, partText, whoText } from "./words";

type Record = Schema<"Record">;

/** Parts that are shown before somebody asks for the rest. */
const first = 100;

/** What a draft is made of: each part with who made it, and why it clashes, if it does. */
export function Parts(props: { draft: WholeDraft; clashes: NonNullable<ChangePlan["clashes"]>; may: boolean }) {
  const { draft, clashes } = props;
  const [all, setAll] = useState(false);
  const parts = all ? draft.parts : draft.parts.slice(0, first);
  const remove = useAction({
    direct: true,
    done: "Taken out of the draft",
    stale: [["drafts", draft.zone_id]],
    run: (p: DraftPart) => removePart(draft, p.id),
  });
  if (draft.parts.length === 0) {
    return <p className="m-0 text-sm text-kumo-subtle">Nothing yet. Collect into this draft; then what you add, edit, delete and import in this zone comes here.</p>;
  }
  return (
    <>
      <ol className="m-0 flex list-none flex-col gap-3 p-0" aria-label="Parts of the draft">
        {parts.map((p) => {
          const clash = clashes.find((c) => c.part_id === p.id);
          return (
            <li key={p.id} className="flex min-w-0 flex-col gap-1.5 border-b border-kumo-hairline pb-3 last:border-0 last:pb-0">
              <div className="flex flex-wrap items-center justify-between gap-2 text-sm">
                <span className="min-w-0">
                  <span className="font-medium">{partText(p)}</span>{" "}
                  <span className="dim break-words">
                    {`by ${whoText(p.author)}, `}
                    <time dateTime={p.on} title={moment(p.on)}>
                      {ago(p.on)}
                    </time>
                  </span>
                </span>
                {!isOver(draft) && (
                  <Button size="sm" variant="ghost" disabled={!props.may} loading={remove.busy && remove.input?.id === p.id} aria-label={`Take out: ${partText(p)}, ${nameOf(p)}`} onClick={() => remove.run(p)}>
                    Take out
                  </Button>
                )}
              </div>
              {clash && (
                <p role="alert" className="m-0 text-sm text-kumo-danger">
                  {`Clashes: ${clash.reason}`}
                </p>
              )}
              <PartDiff part={p} />
            </li>
          );
        })}
      </ol>
      {parts.length < draft.parts.length && (
        <div className="mt-3">
          <Button size="sm" onClick={() => setAll(true)}>{`Show all ${counted(draft.parts.length, "part")}`}</Button>
        </div>
      )}
    </>
  );
}

function nameOf(p: DraftPart): string {
  if (p.resource !== "dns.record") return "settings";
  const r = (p.after ?? p.before) as Record;
  return `${r.type} ${r.name}`;
}

function PartDiff({ part: p }: { part: DraftPart }) {
  if (p.resource === "dns.record") return <RecordDiff changes={[{ before: p.before as Record | null, after: p.after as Record | null }]} />;
  return <SettingDiff settings={differences(p.before, p.after)} />;
}
