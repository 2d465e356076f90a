import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { SensitiveInput } from "@cloudflare/kumo/components/sensitive-input";
import { CopyIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { peersQuery, rotationsQuery, tsigsQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormDialog } from "../ui/dialogs";
import { Loaded } from "../ui/page";
import { readOnlyText, useMay } from "../ui/rights";
import { ConfigDialog } from "./config-dialog";
import { ResourceTable } from "./resource-table";
import { RotateDialog } from "./rotation";

const algorithms = ["hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1"] as const;

/** The account's keys for transfers. */
export function TSIGs(props: { account: string }) {
  const keys = useQuery(tsigsQuery(props.account));
  const peers = useQuery(peersQuery(props.account)).data ?? [];
  const rotations = useQuery(rotationsQuery(props.account)).data ?? [];
  const [shown, setShown] = useState<Schema<"TSIG"> | null>(null);
  const [rotated, setRotated] = useState<Schema<"TSIG"> | null>(null);
  const may = useMay(props.account, "Account Settings Write");
  const copy = useAction({ done: "Secret copied", run: (secret: string) => navigator.clipboard.writeText(secret) });
  const users = (id: string) => peers.filter((p) => p.tsig_id === id).map((p) => p.name);
  return (
    <Loaded query={keys}>
      {(list) => (
        <>
          <ResourceTable
            account={props.account}
            items={list}
            noun="TSIG"
            about="A TSIG is a name, an algorithm and a secret that this primary and a secondary share. It signs transfers and NOTIFY."
            first={["Create one for each secondary, so that each can be replaced alone.", "Choose it at the peer that stands for the secondary.", "Open its configuration and give it to the secondary: name, algorithm and secret are in it."]}
            stale={[["tsigs", props.account]]}
            remove={(tsig_id) =>
              result(
                api.DELETE("/client/v4/accounts/{account_id}/secondary_dns/tsigs/{tsig_id}", {
                  params: { path: { account_id: props.account, tsig_id } },
                }),
              )
            }
            columns={[
              { head: "Name", cell: (k) => <span className="font-medium">{k.name}</span> },
              { head: "Algorithm", cell: (k) => k.algo },
              {
                head: "Secret",
                cell: (k) =>
                  k.secret === "" ? (
                    "Hidden"
                  ) : (
                    <Button size="sm" icon={CopyIcon} aria-label={`Copy the secret of ${k.name}`} onClick={() => copy.run(k.secret)}>
                      Copy
                    </Button>
                  ),
              },
              { head: "Rotation", cell: (k) => <Succession item={k} keys={list} rotations={rotations} /> },
              { head: "Used by", cell: (k) => users(k.id).join(", ") || "–" },
            ]}
            extra={(k) => (
              <>
                <Button size="sm" onClick={() => setShown(k)} aria-label={`Configuration with ${k.name}`}>
                  Configuration
                </Button>
                <Button size="sm" disabled={!may} title={may ? undefined : readOnlyText} onClick={() => setRotated(k)} aria-label={`Rotate ${k.name}`}>
                  Rotate
                </Button>
              </>
            )}
            form={(item, close) => <TSIGForm account={props.account} item={item} onClose={close} />}
          />
          <ConfigDialog account={props.account} open={shown !== null} tsig={shown} onClose={() => setShown(null)} />
          {rotated && <RotateDialog account={props.account} item={rotated} keys={list} onClose={() => setRotated(null)} />}
        </>
      )}
    </Loaded>
  );
}

/** Which key follows this one, or which ones this one follows. */
function Succession({ item, keys, rotations }: { item: Schema<"TSIG">; keys: Schema<"TSIG">[]; rotations: Schema<"TSIGSuccession">[] }) {
  const name = (id: string) => keys.find((k) => k.id === id)?.name ?? "another key";
  const next = rotations.find((r) => r.tsig_id === item.id);
  const before = rotations.filter((r) => r.successor_id === item.id);
  if (next === undefined && before.length === 0) return "–";
  return (
    <span className="inline-flex flex-wrap gap-2">
      {next && (
        <Badge appearance="dot" variant="warning">
          {`Followed by ${name(next.successor_id)}`}
        </Badge>
      )}
      {before.map((r) => (
        <Badge key={r.tsig_id} appearance="dot" variant="info">
          {`Follows ${name(r.tsig_id)}`}
        </Badge>
      ))}
    </span>
  );
}

/** A secret of 32 random octets, in base64. */
function newSecret(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
}

function TSIGForm(props: { account: string; item: Schema<"TSIG"> | null; onClose: () => void }) {
  const [name, setName] = useState(props.item?.name ?? "");
  const [algo, setAlgo] = useState(props.item?.algo ?? "hmac-sha256");
  // What stays empty stays as it is: an edit of the name must not write an older secret back.
  const [secret, setSecret] = useState("");
  const save = useAction({
    quiet: true,
    done: "TSIG saved",
    stale: [["tsigs", props.account]],
    run: () => {
      const body = { name, algo, ...(secret && { secret }) };
      const path = { account_id: props.account };
      return props.item
        ? result(api.PUT("/client/v4/accounts/{account_id}/secondary_dns/tsigs/{tsig_id}", { params: { path: { ...path, tsig_id: props.item.id } }, body }))
        : result(api.POST("/client/v4/accounts/{account_id}/secondary_dns/tsigs", { params: { path }, body }));
    },
    then: props.onClose,
  });
  return (
    <FormDialog
      open
      onClose={props.onClose}
      title={props.item ? "Edit TSIG" : "Create TSIG"}
      submit="Save"
      busy={save.busy}
      error={save.error}
      onSubmit={save.run}
    >
      <Input
        label="TSIG name"
        placeholder="tsig.example.com."
        description="In the form of a domain name; the secondary must use the same."
        required
        autoComplete="off"
        value={name}
        error={save.at("/name")}
        onChange={(e) => setName(e.target.value)}
      />
      <Choice
        label="Algorithm"
        value={algo}
        options={[...new Set([...algorithms, algo])].map((a) => [a, a] as const)}
        error={save.at("/algo")}
        onChange={setAlgo}
      />
      {props.item && (
        <div>
          <Button size="sm" type="button" onClick={() => setSecret(newSecret())}>
            Generate a new secret
          </Button>
        </div>
      )}
      <SensitiveInput
        label="Secret (optional)"
        description={props.item ? "In base64. Left empty, the secret stays. With another one, every secondary is refused until it has it, too: rotate the key instead to spare them that." : "In base64. Without one we generate it."}
        autoComplete="off"
        value={secret}
        error={save.at("/secret")}
        onValueChange={setSecret}
      />
    </FormDialog>
  );
}
