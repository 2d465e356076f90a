import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { CheckCircleIcon, CircleIcon, HourglassIcon } from "@phosphor-icons/react";
import { useState } from "react";
import type { Schema } from "../api/client";
import { deleteKey, sayDS, type Signing, type SigningKey } from "../api/dnssec";
import { useAction } from "../ui/action";
import { Copyables } from "../ui/copyable";
import { ConfirmDialog } from "../ui/dialogs";
import { ago, moment } from "../ui/format";
import { Card } from "../ui/page";
import { useMay } from "../ui/rights";
import { ExportDialog, ImportKeyDialog } from "./key-files";
import { RollDialog } from "./roll";
import { keyStates, origins, roles, seen, steps } from "./words";

/** The zone's keys: what each has behind it, what it waits for, and who must act. */
export function KeysCard({ zone, signing }: { zone: Schema<"Zone">; signing: Signing }) {
  const admin = useMay(zone.account.id, "Account Settings Write");
  const [open, setOpen] = useState<"roll" | "import" | null>(null);
  const close = () => setOpen(null);
  return (
    <Card
      title="Keys"
      description="What each key has done, and what it waits for. Nothing goes on before it is safe."
      actions={
        <span className="flex flex-wrap gap-2">
          <Button disabled={!signing.signed || signing.progress !== null} title={signing.signed ? undefined : "The zone is not signed."} onClick={() => setOpen("roll")}>
            Roll keys
          </Button>
          <Button disabled={!admin} title={admin ? undefined : "Private keys are for administrators of the account."} onClick={() => setOpen("import")}>
            Import a key
          </Button>
        </span>
      }
    >
      {signing.keys.length === 0 ? (
        <p className="m-0 text-sm text-kumo-subtle">There are none. They are made when DNSSEC is enabled, or imported before that.</p>
      ) : (
        <ul className="m-0 flex list-none flex-col gap-4 p-0">
          {inOrder(signing.keys).map((k) => (
            <KeyItem key={k.id} zone={zone} item={k} admin={admin} active={signing.status === "active"} />
          ))}
        </ul>
      )}
      {open === "roll" && <RollDialog zone={zone} signing={signing} onClose={close} />}
      {open === "import" && <ImportKeyDialog zone={zone} onClose={close} />}
    </Card>
  );
}

/** Those that the parent leads to come first, and of each role the oldest. */
function inOrder(keys: SigningKey[]): SigningKey[] {
  const last = (k: SigningKey) => (k.role === "zsk" ? 1 : 0);
  return [...keys].sort((a, b) => last(a) - last(b) || a.created_on.localeCompare(b.created_on) || a.tag - b.tag);
}

type ItemProps = { zone: Schema<"Zone">; item: SigningKey; admin: boolean; /** The parent leads here already: what it is asked for is part of a roll. */ active: boolean };

function KeyItem(props: ItemProps) {
  const { item: k } = props;
  const [short, long] = roles[k.role];
  const [variant, state] = keyStates[k.state];
  const name = `${short} ${k.tag}`;
  const asksParent = props.active && k.waits.some((w) => w.for === "parent");
  return (
    <li aria-label={name} className="rounded-md p-4 ring ring-kumo-hairline">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h3 className="m-0 flex flex-wrap items-center gap-x-3 gap-y-1 text-base font-semibold">
          <span className="tabular-nums">{name}</span>
          <Badge appearance="dot" variant={variant}>
            {state}
          </Badge>
          <span className="text-sm font-normal text-kumo-subtle">{`${long}, ${k.algorithm_name}, ${origins[k.origin]}${k.created_on ? ` ${ago(k.created_on)}` : ""}`}</span>
        </h3>
        <KeyActions {...props} name={name} asksParent={asksParent} />
      </div>
      <Timeline item={k} />
      {k.waits.length > 0 && (
        <ul aria-label={`What ${name} waits for`} className="m-0 flex list-none flex-col gap-1 p-0 text-sm">
          {k.waits.map((w, i) => (
            <li key={i} className="flex items-start gap-2">
              <HourglassIcon aria-hidden className="mt-0.5 size-4 shrink-0 text-kumo-warning" />
              <span className="min-w-0 break-words" title={w.since ? `Since ${moment(w.since)}` : undefined}>
                {w.text}
              </span>
            </li>
          ))}
        </ul>
      )}
      <details className="mt-2 text-sm" open={asksParent || undefined}>
        <summary className="cursor-pointer text-kumo-link">{k.ds.length > 0 ? "DNSKEY and DS records" : "DNSKEY record"}</summary>
        <Copyables items={[["DNSKEY", k.dnskey], ...k.ds.map((d, i) => [k.ds.length > 1 ? `DS ${i + 1}` : "DS", d] as const)]} />
      </details>
    </li>
  );
}

/** What a key has been through, oldest first. A ring that is empty is still to come. */
function Timeline({ item: k }: { item: SigningKey }) {
  return (
    <ol aria-label={`Timeline of ${k.tag}`} className="my-3 flex list-none flex-wrap gap-x-6 gap-y-2 p-0 text-sm">
      {k.timeline.map((t) => {
        const done = t.what === "ds" ? k.ds_seen === "everywhere" : t.on;
        const Mark = done ? CheckCircleIcon : CircleIcon;
        return (
          <li key={t.what} className="flex items-start gap-2">
            <Mark aria-hidden weight={done ? "fill" : "regular"} className={`mt-0.5 size-4 shrink-0 ${done ? "text-kumo-success" : "text-kumo-subtle"}`} />
            <span>
              {steps[t.what] ?? t.what}
              <span className="sr-only">{done ? ": yes" : ": no"}</span>
              <span className="block text-kumo-subtle">
                {t.what === "ds" ? `${seen[k.ds_seen]}, ${t.on ? "wanted" : "to be removed"} since ` : t.on ? "" : "no longer, since "}
                <time dateTime={t.since} title={moment(t.since)}>
                  {ago(t.since)}
                </time>
                {t.serial ? `, serial ${t.serial}` : ""}
              </span>
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function KeyActions({ zone, item: k, name, admin, asksParent }: ItemProps & { name: string; asksParent: boolean }) {
  const [open, setOpen] = useState<"export" | "delete" | null>(null);
  const close = () => setOpen(null);
  const stale = [["dnssec", zone.id]];
  const say = useAction({ stale, done: "Noted", run: (on: boolean) => sayDS(zone.id, { key_id: k.id, seen: on }) });
  const remove = useAction({ stale, quiet: true, done: "Key deleted", run: () => deleteKey(zone.id, k.id), then: close });
  const idle = k.state === "new" || k.state === "gone";
  return (
    <span className="flex flex-wrap gap-2">
      {asksParent && (
        <Button size="sm" loading={say.busy} onClick={() => say.run(k.state !== "leaving")} aria-label={`${k.state === "leaving" ? "The DS record is gone" : "The registrar has it"}: ${name}`}>
          {k.state === "leaving" ? "The DS record is gone" : "The registrar has it"}
        </Button>
      )}
      {k.origin !== "foreign" && (
        <Button size="sm" disabled={!admin} title={admin ? undefined : "Private keys are for administrators of the account."} aria-label={`Export ${name}`} onClick={() => setOpen("export")}>
          Export
        </Button>
      )}
      {idle && (
        <Button size="sm" variant="secondary-destructive" aria-label={`Delete ${name}`} onClick={() => setOpen("delete")}>
          Delete
        </Button>
      )}
      {open === "export" && <ExportDialog zone={zone} item={k} name={name} onClose={close} />}
      <ConfirmDialog
        open={open === "delete"}
        title={`Delete ${name}`}
        text="The key is gone for good. It signs nothing and is not published, so nothing changes for anybody."
        submit="Delete key"
        busy={remove.busy}
        error={remove.error}
        onClose={() => {
          close();
          remove.reset();
        }}
        onConfirm={remove.run}
      />
    </span>
  );
}
