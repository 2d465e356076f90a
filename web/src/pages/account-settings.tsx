import { Button } from "@cloudflare/kumo/components/button";
import { InputArea } from "@cloudflare/kumo/components/input";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { edgeAddressesQuery, sharedNamesQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { FormError } from "../ui/dialogs";
import { Card, Loaded, Page } from "../ui/page";
import { Allowed, useMay } from "../ui/rights";

/** What a text area holds, one a line. */
const lines = (text: string) => text.split(/[\s,]+/).filter((l) => l !== "");

/** What belongs to the account as a whole: its edge addresses, and with whom it shares names. */
export default function AccountSettings() {
  const { account } = useParams({ from: "/signed-in/$account/settings" });
  const may = useMay(account, "Account Settings Write");
  const edge = useQuery(edgeAddressesQuery(account));
  const shared = useQuery(sharedNamesQuery(account));
  return (
    <Page title="Account settings" description={`The identifier of this account is ${account}.`}>
      <Allowed may={may}>
        <Loaded query={edge}>{(e) => <Edge key={e.addresses.join()} account={account} edge={e} />}</Loaded>
        <Loaded query={shared}>{(s) => <Shared key={s.accounts.join()} account={account} shared={s} />}</Loaded>
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
        <div className="w-full max-w-xl font-mono">
          <InputArea label={props.label} rows={4} value={text} onChange={(e) => setText(e.target.value)} />
        </div>
        <Button type="submit" loading={props.busy} disabled={lines(text).join() === props.value.join()}>
          {`Save ${props.title.toLowerCase()}`}
        </Button>
      </form>
    </Card>
  );
}
