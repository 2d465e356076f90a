import type { Plan } from "../api/upload";
import { DataTable } from "../ui/data-table";
import { counted } from "../ui/format";
import { SerialAhead } from "./serial-ahead";

type Lines = Plan["added"];
type Kind = "added" | "changed" | "deleted" | "refused" | "passed";

const kinds: readonly [Kind, string, colour: string][] = [
  ["refused", "Refused", "text-kumo-danger"],
  ["deleted", "Deleted", "text-kumo-danger"],
  ["changed", "Changed", "text-kumo-warning"],
  ["added", "Added", "text-kumo-success"],
  ["passed", "Passed over", "text-kumo-subtle"],
];

/** What an import changes, in a few words; empty for nothing. */
export function changesIn(p: Plan): string {
  const parts = (["added", "changed", "deleted"] as const).filter((k) => p[k].count > 0).map((k) => `${p[k].count.toLocaleString("en")} ${k}`);
  return parts.join(", ");
}

/** What an import does, or did: counts, lines of each kind, and what follows for the serial. */
export function ImportPlan({ plan, zone }: { plan: Plan; zone: string }) {
  const { before, after, ahead } = plan.serial;
  const open = kinds.find(([k]) => plan[k].count > 0)?.[0];
  return (
    <div className="flex flex-col gap-3 text-sm">
      <dl aria-label="Counts" className="m-0 grid grid-cols-3 gap-x-6 gap-y-2 sm:flex sm:flex-wrap">
        {kinds.map(([kind, word, colour]) => (
          <div key={kind}>
            <dt className="text-kumo-subtle">{word}</dt>
            <dd className={`m-0 text-xl font-semibold tabular-nums ${plan[kind].count > 0 ? colour : "text-kumo-subtle"}`}>{plan[kind].count.toLocaleString("en")}</dd>
          </div>
        ))}
        <div>
          <dt className="text-kumo-subtle">Stay as they are</dt>
          <dd className="m-0 text-xl font-semibold text-kumo-subtle tabular-nums">{plan.kept.toLocaleString("en")}</dd>
        </div>
      </dl>
      <p className="m-0">
        {after === before
          ? `The serial stays ${before}: nothing changes that secondaries see.`
          : `The serial goes from ${before} to ${after}, by which secondaries fetch the change.`}
      </p>
      {ahead && <SerialAhead ahead={ahead} zone={zone} may={!plan.dry_run} />}
      {kinds.map(([kind, word, colour]) => plan[kind].count > 0 && <Kindred key={kind} word={word} colour={colour} lines={plan[kind]} open={kind === open} />)}
    </div>
  );
}

function Kindred(props: { word: string; colour: string; lines: Lines; open: boolean }) {
  const { count, lines } = props.lines;
  return (
    <details open={props.open || undefined}>
      <summary className="cursor-pointer font-medium">
        <span className={props.colour}>{props.word}</span>
        {`: ${counted(count, "line")}`}
      </summary>
      <div className="mt-2 max-h-72 overflow-y-auto">
        <DataTable
          label={props.word}
          rows={lines.map((l, i) => ({ ...l, at: i }))}
          id={(l) => l.at}
          columns={[
            { head: "Line", className: "whitespace-nowrap text-kumo-subtle", cell: (l) => l.line ?? "–" },
            {
              head: "Record",
              className: "break-words",
              cell: (l) => (
                <>
                  {l.type && <span className="font-medium">{`${l.type} `}</span>}
                  {l.name}
                </>
              ),
            },
            {
              head: "Content",
              className: "content font-mono wrap-anywhere",
              cell: (l) => (
                <>
                  {l.was && l.was.content !== l.content && <del className="text-kumo-danger">{l.was.content}</del>} {l.content}
                  {l.was && l.was.ttl !== l.ttl && <span className="text-kumo-subtle">{` TTL ${ttl(l.was.ttl)} → ${ttl(l.ttl ?? 1)}`}</span>}
                  {l.reason && <span className={`block font-sans ${props.colour}`}>{l.reason}</span>}
                </>
              ),
            },
          ]}
        />
        {count > lines.length && <p className="mt-1 mb-0 text-kumo-subtle">{`and ${(count - lines.length).toLocaleString("en")} more.`}</p>}
      </div>
    </details>
  );
}

const ttl = (seconds: number) => (seconds === 1 ? "auto" : `${seconds} s`);
