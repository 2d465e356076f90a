import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { Switch } from "@cloudflare/kumo/components/switch";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { patchRule, rulesQuery, type Rule } from "../api/alarms";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { DataTable } from "../ui/data-table";
import { FormDialog } from "../ui/dialogs";
import { span } from "../ui/format";
import { Loaded, Skeleton } from "../ui/page";
import { readOnlyText, useMay } from "../ui/rights";

/** What each rule is about. */
const words: Record<string, [name: string, text: string]> = {
  secondary_behind: ["A secondary is behind", "It holds an older version than ours."],
  secondary_silent: ["A secondary does not answer", "It is asked and says nothing."],
  secondary_ahead: ["A secondary is ahead", "It holds a later serial than ours and takes nothing."],
  secondary_refuses: ["A secondary refuses", "It answers with an error, does not have the zone, or its key is wrong."],
  secondary_expires: ["A secondary's copy expires soon", "When it does, it answers SERVFAIL."],
  secondary_differs: ["A secondary has other contents", "It answers otherwise than we do, at our own serial."],
  transfers_refused: ["A secondary was refused", "We refused its last request."],
  parent_ns_differs: ["The parent names others", "The NS set at the parent differs from the zone's."],
  dnssec_waits: ["DNSSEC waits for somebody", "A key cannot go on until the DS record is changed."],
  tsig_in_use: ["An old TSIG is still used", "A key under rotation cannot be retired."],
};

export const ruleName = (rule: string) => words[rule]?.[0] ?? rule.replaceAll("_", " ");

const severityText = (r: Rule) => (r.severity === "critical" ? "Critical" : "Warning");

/** How long something must be so, or how long before it happens. */
const toldAfter = (r: Rule) => (r.before ? `${span(r.before)} before` : r.after > 0 ? span(r.after) : "at once") + (r.versions ? ` or ${r.versions} versions` : "");

/** What raises an alarm, and after how long. */
export function Rules({ account }: { account: string }) {
  const rules = useQuery(rulesQuery(account));
  const may = useMay(account, "Account Settings Write");
  const [editing, setEditing] = useState<Rule | null>(null);
  const stale = [["alarm-rules", account], ["alarms", account]];
  const toggle = useAction({
    stale,
    done: (_, r: Rule) => `${ruleName(r.rule)}: ${r.enabled ? "off" : "on"}`,
    run: (r) => patchRule(account, { rule: r.rule, enabled: !r.enabled }),
    undo: (_, r) => () => patchRule(account, { rule: r.rule, enabled: r.enabled }),
  });
  const why = may ? undefined : readOnlyText;
  return (
    <Loaded query={rules} waiting={<Skeleton />}>
      {(list) => (
        <>
          <DataTable
            label="Alarm rules"
            rows={list}
            id={(r) => r.rule}
            columns={[
              {
                head: "On",
                cell: (r) => (
                  <span title={why}>
                    <Switch size="sm" aria-label={ruleName(r.rule)} checked={r.enabled} disabled={!may} onCheckedChange={() => toggle.run(r)} />
                  </span>
                ),
              },
              {
                head: "Rule",
                className: "max-md:flex-1",
                cell: (r) => (
                  <>
                    <span className="font-medium">{ruleName(r.rule)}</span>
                    <span className="dim block text-sm max-md:hidden xl:ml-3 xl:inline">{words[r.rule]?.[1]}</span>
                    {/* On a phone, in place of two more cells. */}
                    <span className="dim block text-sm md:hidden">{`${severityText(r)}, ${toldAfter(r)}`}</span>
                  </>
                ),
              },
              { head: "Severity", className: "max-md:hidden!", cell: severityText },
              {
                head: "Told after",
                className: "whitespace-nowrap max-md:hidden!",
                cell: (r) => (
                  <>
                    {toldAfter(r)}
                    {!r.default && <span className="dim"> (changed)</span>}
                  </>
                ),
              },
              {
                head: "Actions",
                cell: (r) => (
                  <Button size="sm" disabled={!may} title={why} aria-label={`Edit: ${ruleName(r.rule)}`} onClick={() => setEditing(r)}>
                    Edit
                  </Button>
                ),
              },
            ]}
          />
          {editing && <EditRule account={account} rule={editing} stale={stale} onClose={() => setEditing(null)} />}
        </>
      )}
    </Loaded>
  );
}

function EditRule(props: { account: string; rule: Rule; stale: unknown[][]; onClose: () => void }) {
  const { rule } = props;
  const [severity, setSeverity] = useState(rule.severity);
  const numbers = (["after", "clear_after", "before", "versions"] as const).filter((m) => rule[m] !== undefined);
  const labels = { after: "Told after (seconds)", clear_after: "Cleared after (seconds)", before: "Before it expires (seconds)", versions: "Or versions behind (0: by time alone)" };
  const [typed, setTyped] = useState<Record<string, string>>(() => Object.fromEntries(numbers.map((m) => [m, String(rule[m])])));
  const save = useAction({
    quiet: true,
    stale: props.stale,
    done: "Rule saved",
    run: (back: boolean) =>
      patchRule(props.account, back ? { rule: rule.rule, default: true } : { rule: rule.rule, severity, ...Object.fromEntries(numbers.map((m) => [m, Number(typed[m])])) }),
    then: props.onClose,
  });
  return (
    <FormDialog open title={ruleName(rule.rule)} description={words[rule.rule]?.[1]} submit="Save" busy={save.busy} error={save.error} onClose={props.onClose} onSubmit={() => save.run(false)}>
      <Choice
        label="Severity"
        value={severity}
        options={[
          ["warning", "Warning"],
          ["critical", "Critical"],
        ]}
        onChange={setSeverity}
      />
      {numbers.map((m) => (
        <Input key={m} label={labels[m]} inputMode="numeric" required value={typed[m] ?? ""} onChange={(e) => setTyped((t) => ({ ...t, [m]: e.target.value }))} />
      ))}
      {!rule.default && (
        <div>
          <Button size="sm" type="button" onClick={() => save.run(true)}>
            Back to the default
          </Button>
        </div>
      )}
    </FormDialog>
  );
}
