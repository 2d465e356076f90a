import { Button } from "@cloudflare/kumo/components/button";
import { Input, InputArea } from "@cloudflare/kumo/components/input";
import { Switch } from "@cloudflare/kumo/components/switch";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { keepFor, keptQuery } from "../api/history";
import { accountTransferQuery, edgeAddressesQuery, sharedNamesQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormError } from "../ui/dialogs";
import { counted } from "../ui/format";
import { Card, Columns, Loaded, Page } from "../ui/page";
import { Allowed, useMay } from "../ui/rights";

/** What a text area holds, one a line. */
const lines = (text: string) => text.split(/[\s,]+/).filter((l) => l !== "");

/** What belongs to the account as a whole: its edge addresses, the keys of its secondaries, and with whom it shares names. */
export default function AccountSettings() {
  const { account } = useParams({ from: "/signed-in/$account/settings" });
  const may = useMay(account, "Account Settings Write");
  const edge = useQuery(edgeAddressesQuery(account));
  const shared = useQuery(sharedNamesQuery(account));
  const transfer = useQuery(accountTransferQuery(account));
  const kept = useQuery(keptQuery(account));
  return (
    <Page title="Account settings" description={`The identifier of this account is ${account}.`}>
      <Allowed may={may}>
        <Columns
          left={
            <>
              <Loaded query={transfer}>
                {(t) => (
                  <>
                    <NewZones account={account} settings={t} />
                    <Keys account={account} each={t.tsig_per_peer} />
                  </>
                )}
              </Loaded>
              <Loaded query={shared}>{(s) => <Shared key={s.accounts.join()} account={account} shared={s} />}</Loaded>
            </>
          }
          right={
            <>
              <Loaded query={kept}>{(h) => <Kept key={h.days} account={account} days={h.days} />}</Loaded>
              <Loaded query={edge}>{(e) => <Edge key={e.addresses.join()} account={account} edge={e} />}</Loaded>
            </>
          }
        />
      </Allowed>
    </Page>
  );
}

function Edge({ account, edge }: { account: string; edge: Schema<"EdgeAddresses"> }) {
  const path = { params: { path: { account_id: account } } };
  const send = (addresses: string[]) => result(api.PATCH("/headwater/v1/accounts/{account_id}/edge_addresses", { ...path, body: { addresses } }));
  const save = useAction({
    quiet: true,
    done: "Edge addresses saved",
    stale: [["edge-addresses", account]],
    run: send,
    undo: () => () => send(edge.addresses),
  });
  return (
    <List
      title="Edge addresses"
      description="What stands in for the addresses of proxied records. Without any, the server's own are used, if it has some."
      label="Addresses, one a line"
      value={edge.addresses}
      busy={save.busy}
      error={save.error}
      onSave={save.run}
    />
  );
}

const modes = [
  ["origin", "Origin: proxied records as they are"],
  ["edge", "Edge: proxied records as their edge addresses"],
] as const;

/** What new zones start with, and how strict the review before transfers is. */
function NewZones({ account, settings }: { account: string; settings: Schema<"AccountTransferSettings"> }) {
  const path = { params: { path: { account_id: account } } };
  const send = (body: Schema<"AccountTransferSettingsPatch">) => result(api.PATCH("/headwater/v1/accounts/{account_id}/transfer_settings", { ...path, body }));
  const save = useAction({
    quiet: true,
    done: "Settings saved",
    stale: [["account-transfer", account]],
    run: send,
    undo: (_, body) => () => send(body.mode === undefined ? { strict_review: settings.strict_review } : { mode: settings.mode }),
  });
  return (
    <Card title="Transfers of zones" description="How zones of this account are handed to secondaries.">
      <div className="flex flex-col gap-5">
        <FormError error={save.error} />
        <div className="max-w-xl">
          <Choice label="Transfer mode of new zones" value={settings.mode} options={modes} disabled={save.busy} onChange={(mode) => save.run({ mode })} />
        </div>
        <div>
          <Switch label="Strict review" checked={settings.strict_review} disabled={save.busy} onCheckedChange={(strict_review) => save.run({ strict_review })} />
          <p className="mt-1 mb-0 text-sm text-kumo-subtle">Transfers cannot be switched on while the review finds something critical: what secondaries would not load.</p>
        </div>
      </div>
    </Card>
  );
}

/** Whether peers of one zone may differ in their keys. */
function Keys({ account, each }: { account: string; each: boolean }) {
  const path = { params: { path: { account_id: account } } };
  const send = (tsig_per_peer: boolean) => result(api.PATCH("/headwater/v1/accounts/{account_id}/transfer_settings", { ...path, body: { tsig_per_peer } }));
  const save = useAction({
    quiet: true,
    done: (now) => (now.tsig_per_peer ? "Each peer may have its own TSIG" : "The peers of a zone share one TSIG"),
    stale: [["account-transfer", account]],
    run: send,
    undo: () => () => send(each),
  });
  return (
    <Card
      title="TSIGs of secondaries"
      description={
        each
          ? "Peers that are linked to one zone may have different TSIGs, and peers behind one address are told apart by theirs. Switching this off is refused while peers of one zone differ."
          : "All peers that are linked to one zone have the same TSIG; linking others is refused. Switched on, each may have its own: who learns the secret of one secondary cannot sign as another, and secondaries behind one address are told apart."
      }
    >
      <div className="flex flex-col gap-3">
        <FormError error={save.error} />
        <Switch label="A TSIG for each peer" checked={each} disabled={save.busy} onCheckedChange={save.run} />
      </div>
    </Card>
  );
}

function Shared({ account, shared }: { account: string; shared: Schema<"SharedNames"> }) {
  const path = { params: { path: { account_id: account } } };
  const send = (accounts: string[]) => result(api.PATCH("/headwater/v1/accounts/{account_id}/shared_names", { ...path, body: { accounts } }));
  const save = useAction({
    quiet: true,
    done: "Shared names saved",
    stale: [["shared-names", account]],
    run: send,
    undo: () => () => send(shared.accounts),
  });
  return (
    <List
      title="Shared names"
      description="Zones above or below those of another account can be made only where both accounts name each other here."
      label="Identifiers of accounts, one a line"
      value={shared.accounts}
      busy={save.busy}
      error={save.error}
      onSave={save.run}
    />
  );
}

/** How long the history of zones is kept. */
function Kept({ account, days }: { account: string; days: number }) {
  const [text, setText] = useState(String(days));
  const save = useAction({
    quiet: true,
    done: (now) => `History is kept for ${counted(now.days, "day")}`,
    stale: [["history-days", account], ["history"]],
    run: (n: number) => keepFor(account, n),
    undo: () => () => keepFor(account, days),
  });
  const next = Number(text);
  return (
    <Card title="History" description="How long the changes of zones can be read, compared and taken back. What is older goes; fewer days let go at once of what is older than that.">
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(e) => {
          e.preventDefault();
          save.run(next);
        }}
      >
        <Input label="Keep for (days)" type="number" min={1} max={3650} step={1} inputMode="numeric" required value={text} error={save.at("/days") ?? save.error?.message} onChange={(e) => setText(e.target.value)} />
        <Button type="submit" loading={save.busy} disabled={text === "" || next === days}>
          Save history
        </Button>
      </form>
    </Card>
  );
}

function List(props: { title: string; description: string; label: string; value: string[]; busy: boolean; error: Error | null; onSave: (list: string[]) => void }) {
  const [text, setText] = useState(props.value.join("\n"));
  return (
    <Card title={props.title} description={props.description}>
      <form
        className="flex flex-col items-start gap-3"
        onSubmit={(e) => {
          e.preventDefault();
          props.onSave(lines(text));
        }}
      >
        <FormError error={props.error} />
        <div className="w-full max-w-xl">
          <InputArea label={props.label} rows={4} spellCheck={false} className="font-mono" value={text} onChange={(e) => setText(e.target.value)} />
        </div>
        <Button type="submit" loading={props.busy} disabled={lines(text).join() === props.value.join()}>
          {`Save ${props.title.toLowerCase()}`}
        </Button>
      </form>
    </Card>
  );
}
