import type { ReactNode } from "react";
import type { Schema } from "../api/client";
import type { ObjectChange } from "../api/history";
import { stateText } from "../ui/state";
import { toUnicode } from "../ui/unicode";

type Held = Schema<"Record">;
type Change = { before: Held | null; after: Held | null };

/** What of a record is shown, and compared. */
const fields = ["type", "name", "content", "priority", "ttl", "proxied", "comment", "tags"] as const;
type Field = (typeof fields)[number];

const value = (r: Held, f: Field): string => {
  const v = r[f];
  if (v === undefined || v === null || v === "") return "";
  if (f === "name") return toUnicode(String(v));
  if (f === "ttl") return v === 1 ? "auto" : String(v);
  if (f === "proxied") return v ? "proxied" : "";
  return Array.isArray(v) ? v.join(" ") : String(v);
};

/** Whole fields of one side; those that the other has otherwise stand out. */
function Side(props: { record: Held; other: Held | null }) {
  const { record, other } = props;
  return (
    <span className="min-w-0">
      {fields.map((f) => {
        const text = value(record, f);
        if (text === "") return null;
        const differs = other !== null && value(other, f) !== text;
        return (
          <span key={f} className="mr-3 inline-block max-w-full break-all">
            {differs ? <mark className="diff-mark">{text}</mark> : text}
          </span>
        );
      })}
    </span>
  );
}

function Line(props: { sign: "+" | "−"; children: ReactNode }) {
  const added = props.sign === "+";
  return (
    <div className={`flex gap-2 px-3 py-1 font-mono text-sm ${added ? "diff-added" : "diff-removed"}`}>
      <span aria-label={added ? "Added" : "Removed"} role="img" className="w-3 shrink-0 select-none">
        {props.sign}
      </span>
      {props.children}
    </div>
  );
}

/** Records before and after, what went and what came below each other. */
export function RecordDiff(props: { changes: readonly Change[] }) {
  return (
    <div className="overflow-hidden rounded-md ring ring-kumo-hairline" role="list" aria-label="Records that changed">
      {props.changes.map((c, i) => (
        <div key={i} role="listitem" className="border-b border-kumo-hairline last:border-0">
          {c.before && (
            <Line sign="−">
              <Side record={c.before} other={c.after} />
            </Line>
          )}
          {c.after && (
            <Line sign="+">
              <Side record={c.after} other={c.before} />
            </Line>
          )}
        </div>
      ))}
    </div>
  );
}

/** Lines of a zone file that went and came. */
export function LineDiff(props: { label: string; removed: readonly string[]; added: readonly string[] }) {
  if (props.removed.length + props.added.length === 0) return <p className="m-0 text-sm text-kumo-subtle">No difference.</p>;
  return (
    <div className="overflow-hidden rounded-md ring ring-kumo-hairline" role="group" aria-label={props.label}>
      {props.removed.map((l) => (
        <Line key={`-${l}`} sign="−">
          <span className="min-w-0 break-all">{l}</span>
        </Line>
      ))}
      {props.added.map((l) => (
        <Line key={`+${l}`} sign="+">
          <span className="min-w-0 break-all">{l}</span>
        </Line>
      ))}
    </div>
  );
}

const shown = (v: unknown) => (v === undefined || v === null || v === "" ? "–" : typeof v === "string" ? v : JSON.stringify(v));

/** Settings before and after. */
export function SettingDiff(props: { settings: readonly { setting: string; before: unknown; after: unknown }[] }) {
  if (props.settings.length === 0) return null;
  return (
    <div className="overflow-hidden rounded-md ring ring-kumo-hairline" role="list" aria-label="Settings that changed">
      {props.settings.map((s) => (
        <div key={s.setting} role="listitem" className="border-b border-kumo-hairline last:border-0">
          <Line sign="−">
            <span className="min-w-0 break-all">{`${s.setting} ${shown(s.before)}`}</span>
          </Line>
          <Line sign="+">
            <span className="min-w-0 break-all">{`${s.setting} ${shown(s.after)}`}</span>
          </Line>
        </div>
      ))}
    </div>
  );
}

const kinds: Record<ObjectChange["what"], string> = { draft: "Draft", update_policy: "Update policy", keys: "Keys", notify: "NOTIFY", rebuild: "Contents made anew" };

/** What belongs to a zone and is no record and no setting, before and after: the members that differ, and those that tell which it is. */
export function ObjectDiff({ objects }: { objects: readonly ObjectChange[] }) {
  if (objects.length === 0) return null;
  return (
    <div className="overflow-hidden rounded-md ring ring-kumo-hairline" role="list" aria-label="Other things that changed">
      {objects.map((o) => (
        <div key={`${o.what} ${o.id} ${o.action}`} role="listitem" className="border-b border-kumo-hairline last:border-0">
          <p className="m-0 px-3 py-1 text-sm font-medium">{kinds[o.what] ?? stateText(o.what)}</p>
          {o.before && (
            <Line sign="−">
              <Members of={o.before} other={o.after} />
            </Line>
          )}
          {o.after && (
            <Line sign="+">
              <Members of={o.after} other={o.before} />
            </Line>
          )}
        </div>
      ))}
    </div>
  );
}

/** The members of one side; those that the other has otherwise stand out. */
function Members(props: { of: Record<string, unknown>; other: Record<string, unknown> | null }) {
  return (
    <span className="min-w-0">
      {Object.entries(props.of).map(([name, v]) => {
        const text = `${stateText(name)} ${shown(v)}`;
        const differs = props.other !== null && shown(props.other[name]) !== shown(v);
        return (
          <span key={name} className="mr-3 inline-block max-w-full break-all">
            {differs ? <mark className="diff-mark">{text}</mark> : text}
          </span>
        );
      })}
    </span>
  );
}
