import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { ClipboardText } from "@cloudflare/kumo/components/clipboard-text";
import { Empty } from "@cloudflare/kumo/components/empty";
import { Input } from "@cloudflare/kumo/components/input";
import { PlusIcon, TrashIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { addWebhook, deleteWebhook, deliveriesQuery, patchWebhook, testWebhook, webhooksQuery, type Delivery, type Webhook } from "../api/alarms";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { DataTable } from "../ui/data-table";
import { ConfirmDialog, FormDialog, InfoDialog } from "../ui/dialogs";
import { ago, moment } from "../ui/format";
import { Loaded, Skeleton } from "../ui/page";
import { readOnlyText, useMay } from "../ui/rights";

const states = { waiting: ["warning", "Waiting"], delivered: ["success", "Delivered"], failed: ["error", "Failed"] } as const;

function StateOf({ state }: { state: string }) {
  const [variant, text] = states[state as Delivery["state"]] ?? ["neutral", state];
  return (
    <Badge appearance="dot" variant={variant}>
      {text}
    </Badge>
  );
}

/** How the last delivery to a receiver went. */
function LastDelivery({ of: { last_delivery: last } }: { of: Webhook }) {
  if (!last) return <span className="dim">None</span>;
  return (
    <span className="flex flex-wrap items-center gap-2">
      <StateOf state={last.state} />
      <span className="dim text-sm">{`${ago(last.on)}${last.error ? `: ${last.error}` : ""}`}</span>
    </span>
  );
}

/** Whom alarms are told to. */
export function Webhooks({ account }: { account: string }) {
  const hooks = useQuery(webhooksQuery(account));
  const may = useMay(account, "Account Settings Write");
  const stale = [["webhooks", account], ["deliveries", account]];
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState("");
  const [log, setLog] = useState<Webhook | null>(null);
  const [removing, setRemoving] = useState<Webhook | null>(null);
  const test = useAction({ stale, done: (_, h: Webhook) => `A test was sent to ${h.name}`, run: (h) => testWebhook(account, h.id), then: (_, h) => setLog(h) });
  const remove = useAction({ quiet: true, stale, done: "Deleted", run: (h: Webhook) => deleteWebhook(account, h.id), then: () => setRemoving(null) });
  const toggle = useAction({
    stale,
    done: (_, h: Webhook) => `${h.name} is ${h.enabled ? "off" : "on"}`,
    run: (h) => patchWebhook(account, h.id, { enabled: !h.enabled }),
    undo: (_, h) => () => patchWebhook(account, h.id, { enabled: h.enabled }),
  });
  const why = may ? undefined : readOnlyText;
  return (
    <>
      <div className="flex flex-wrap items-start justify-between gap-3">
        <p className="m-0 max-w-2xl text-sm text-kumo-subtle">A dashboard is not looked at by night: alarms are sent to these when they are raised and when they clear, signed, and again until they are taken.</p>
        <Button variant="primary" icon={PlusIcon} disabled={!may} title={why} onClick={() => setAdding(true)}>
          Add a receiver
        </Button>
      </div>
      <Loaded query={hooks} waiting={<Skeleton />}>
        {(list) =>
          list.length === 0 ? (
            <Empty size="sm" title="Nobody is told yet" description="Add a webhook or an e-mail address." />
          ) : (
            <DataTable
              label="Receivers"
              rows={list}
              id={(h) => h.id}
              columns={[
                {
                  head: "Name",
                  className: "font-medium",
                  cell: (h) => (
                    <>
                      {h.name}
                      {!h.enabled && <span className="dim ml-2 text-sm">off</span>}
                    </>
                  ),
                },
                { head: "Where", className: "font-mono text-sm break-all", cell: (h) => (h.kind === "email" ? h.email : h.url) },
                { head: "Last delivery", named: true, cell: (h) => <LastDelivery of={h} /> },
                {
                  head: "Actions",
                  className: "actions",
                  cell: (h) => (
                    <span className="flex flex-wrap gap-1">
                      <Button size="sm" disabled={!may} title={why} loading={test.busy && test.input?.id === h.id} aria-label={`Test ${h.name}`} onClick={() => test.run(h)}>
                        Test
                      </Button>
                      <Button size="sm" variant="ghost" aria-label={`Log of ${h.name}`} onClick={() => setLog(h)}>
                        Log
                      </Button>
                      <Button size="sm" variant="ghost" disabled={!may} title={why} aria-label={`${h.enabled ? "Switch off" : "Switch on"} ${h.name}`} onClick={() => toggle.run(h)}>
                        {h.enabled ? "Off" : "On"}
                      </Button>
                      <Button size="sm" shape="square" variant="ghost" icon={TrashIcon} disabled={!may} title={why} aria-label={`Delete ${h.name}`} onClick={() => setRemoving(h)} />
                    </span>
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
      {adding && <AddReceiver account={account} stale={stale} onClose={() => setAdding(false)} onSecret={setSecret} />}
      <InfoDialog open={secret !== ""} onClose={() => setSecret("")} title="The webhook's secret" description="Each message is signed with it. It is shown once.">
        <ClipboardText text={secret} labels={{ copyAction: "Copy secret" }} />
      </InfoDialog>
      {log && <Log account={account} hook={log} onClose={() => setLog(null)} />}
      <ConfirmDialog
        open={removing !== null}
        title="Delete receiver"
        text={`${removing?.name ?? ""} is told of nothing any more.`}
        submit="Delete"
        busy={remove.busy}
        error={remove.error}
        onClose={() => setRemoving(null)}
        onConfirm={() => removing && remove.run(removing)}
      />
    </>
  );
}

function AddReceiver(props: { account: string; stale: unknown[][]; onClose: () => void; onSecret: (s: string) => void }) {
  const [kind, setKind] = useState<"https" | "email">("https");
  const [name, setName] = useState("");
  const [to, setTo] = useState("");
  const add = useAction({
    quiet: true,
    stale: props.stale,
    done: "Receiver added",
    run: () => addWebhook(props.account, { kind, name: name.trim(), ...(kind === "email" ? { email: to.trim() } : { url: to.trim() }) }),
    then: (made) => {
      props.onClose();
      if (made.secret) props.onSecret(made.secret);
    },
  });
  return (
    <FormDialog open title="Add a receiver" submit="Add" busy={add.busy} error={add.error} onClose={props.onClose} onSubmit={add.run}>
      <Choice
        label="Kind"
        value={kind}
        options={[
          ["https", "Webhook over HTTPS"],
          ["email", "E-mail to a member"],
        ]}
        onChange={setKind}
      />
      <Input label="Name" required value={name} error={add.at("/name")} onChange={(e) => setName(e.target.value)} />
      <Input
        label={kind === "email" ? "E-mail" : "Address"}
        type={kind === "email" ? "email" : "url"}
        placeholder={kind === "email" ? "somebody@example.com" : "https://hooks.example.net/headwater"}
        required
        value={to}
        error={add.at(kind === "email" ? "/email" : "/url")}
        onChange={(e) => setTo(e.target.value)}
      />
    </FormDialog>
  );
}

function Log(props: { account: string; hook: Webhook; onClose: () => void }) {
  const list = useQuery(deliveriesQuery(props.account, props.hook.id));
  return (
    <InfoDialog open size="xl" onClose={props.onClose} title={`Deliveries to ${props.hook.name}`} description="Newest first.">
      <Loaded query={list}>
        {(all) =>
          all.length === 0 ? (
            <p className="m-0 text-sm text-kumo-subtle">Nothing was sent yet.</p>
          ) : (
            <ul className="m-0 flex max-h-96 list-none flex-col gap-2 overflow-y-auto p-0 text-sm" tabIndex={0} aria-label="Deliveries">
              {all.map((d) => (
                <li key={d.id} className="flex flex-wrap items-center gap-3">
                  <StateOf state={d.state} />
                  <time dateTime={d.created_on} title={moment(d.created_on)} className="text-kumo-subtle">
                    {ago(d.created_on)}
                  </time>
                  <span>{d.type}</span>
                  <span className="text-kumo-subtle">{[d.status ? `status ${d.status}` : "", d.error, d.attempts > 1 ? `${d.attempts} attempts` : "", d.next_on ? `next ${ago(d.next_on)}` : ""].filter(Boolean).join(", ")}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </InfoDialog>
  );
}
