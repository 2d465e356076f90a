import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { Switch } from "@cloudflare/kumo/components/switch";
import { Table } from "@cloudflare/kumo/components/table";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { patchRule, rulesQuery, type Rule } from "../api/alarms";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormDialog } from "../ui/dialogs";
import { span } from "../ui/format";
import { Loaded, Skeleton, TableFrame } from "../ui/page";
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
        <TableFrame label="Alarm rules">
          <Table className="dense cards">
            <Table.Header>
              <Table.Row>
                <Table.Head>On</Table.Head>
                <Table.Head>Rule</Table.Head>
                <Table.Head>Severity</Table.Head>
                <Table.Head>Told after</Table.Head>
                <Table.Head>Actions</Table.Head>
              </Table.Row>
            </Table.Header>
            <Table.Body>
              {list.map((r) => (
                <Table.Row key={r.rule}>
                  <Table.Cell>
                    <span title={why}>
                      <Switch size="sm" aria-label={ruleName(r.rule)} checked={r.enabled} disabled={!may} onCheckedChange={() => toggle.run(r)} />
                    </span>
                  </Table.Cell>
                  <Table.Cell>
                    <span className="font-medium">{ruleName(r.rule)}</span>
                    <span className="dim block text-sm">{words[r.rule]?.[1]}</span>
                  </Table.Cell>
                  <Table.Cell data-head="Severity">{r.severity === "critical" ? "Critical" : "Warning"}</Table.Cell>
                  <Table.Cell data-head="Told after" className="whitespace-nowrap">
                    {r.before ? `${span(r.before)} before` : r.after > 0 ? span(r.after) : "at once"}
                    {r.versions ? ` or ${r.versions} versions` : ""}
                    {!r.default && <span className="dim"> (changed)</span>}
                  </Table.Cell>
                  <Table.Cell className="actions">
                    <Button size="sm" disabled={!may} title={why} aria-label={`Edit: ${ruleName(r.rule)}`} onClick={() => setEditing(r)}>
                      Edit
                    </Button>
                  </Table.Cell>
                </Table.Row>
              ))}
            </Table.Body>
          </Table>
          {editing && <EditRule account={account} rule={editing} stale={stale} onClose={() => setEditing(null)} />}
        </TableFrame>
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
