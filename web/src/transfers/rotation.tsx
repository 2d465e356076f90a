import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Input } from "@cloudflare/kumo/components/input";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { rotationQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { DataTable } from "../ui/data-table";
import { FormDialog } from "../ui/dialogs";
import { ago, counted } from "../ui/format";
import { Loaded } from "../ui/page";
import { ConfigDialog } from "./config-dialog";

type Rotation = Schema<"TSIGRotation">;
type Props = { account: string; item: Schema<"TSIG">; keys: Schema<"TSIG">[]; onClose: () => void };

const uses: Record<Rotation["peers"][number]["use"], readonly ["success" | "warning" | "neutral", string]> = {
  new: ["success", "Uses the new key"],
  old: ["warning", "Uses the old key"],
  unsure: ["warning", "Somebody at its address uses the new key"],
  unseen: ["neutral", "Has not asked yet"],
  "": ["neutral", "Gets no zone"],
};

/** One key after another, without a transfer refused in between. */
export function RotateDialog(props: Props) {
  const rotation = useQuery(rotationQuery(props.account, props.item.id));
  const successor = props.keys.find((k) => k.id === rotation.data?.successor_id);
  return (
    <Loaded query={rotation} waiting={null}>
      {(r) => (r.successor_id === null ? <Begin {...props} /> : <Under {...props} rotation={r} successor={successor ?? null} />)}
    </Loaded>
  );
}

const path = (p: Props) => ({ params: { path: { account_id: p.account, tsig_id: p.item.id } } });
const stale = (account: string) => [["tsigs", account], ["peers", account], ["rotation", account], ["secondaries"]];

/** A name like that of the old key, and not taken. */
function nameAfter(name: string, keys: Schema<"TSIG">[]): string {
  for (let n = 2; ; n++) {
    const next = name.replace(/^([^.]*?)(-\d+)?(?=\.|$)/, `$1-${n}`);
    if (!keys.some((k) => k.name === next)) return next;
  }
}

/** Makes the new key, or takes one, and has it follow. */
function Begin(props: Props) {
  const { account, item, keys } = props;
  const [chosen, setChosen] = useState("new");
  const [name, setName] = useState(() => nameAfter(item.name, keys));
  const begin = useAction({
    quiet: true,
    done: "Both keys open the zones now",
    stale: stale(account),
    run: async () => {
      const successor_id =
        chosen === "new"
          ? (await result(api.POST("/client/v4/accounts/{account_id}/secondary_dns/tsigs", { params: { path: { account_id: account } }, body: { name, algo: item.algo } }))).id
          : chosen;
      // Where the second step fails, the key that was made is chosen in the next try.
      setChosen(successor_id);
      return result(api.PUT("/headwater/v1/accounts/{account_id}/tsigs/{tsig_id}/rotation", { ...path(props), body: { successor_id } }));
    },
  });
  return (
    <FormDialog
      open
      onClose={props.onClose}
      title={`Rotate ${item.name}`}
      description="From then on both keys open the zones of every peer that has the old one. You give the new one to the secondaries one by one, in whatever time it takes; then the old one is retired."
      submit="Begin"
      busy={begin.busy}
      error={begin.error}
      onSubmit={begin.run}
    >
      <Choice
        label="The key that follows it"
        value={chosen}
        options={[["new", "A new one, with a secret of its own"], ...keys.filter((k) => k.id !== item.id).map((k) => [k.id, k.name] as const)]}
        error={begin.at("/successor_id")}
        onChange={setChosen}
      />
      {chosen === "new" && <Input label="Its name" required autoComplete="off" value={name} error={begin.at("/name")} onChange={(e) => setName(e.target.value)} />}
    </FormDialog>
  );
}

/** Who still uses the old key, the way back, and the end. */
function Under(props: Props & { rotation: Rotation; successor: Schema<"TSIG"> | null }) {
  const { account, rotation: r, successor } = props;
  const [configuring, setConfiguring] = useState(false);
  const [force, setForce] = useState(false);
  const retire = useAction({
    quiet: true,
    done: `${r.name} is retired`,
    stale: stale(account),
    run: () => result(api.POST("/headwater/v1/accounts/{account_id}/tsigs/{tsig_id}/rotation/retire", { ...path(props), body: { force } })),
    then: props.onClose,
  });
  const back = useAction({
    done: `${r.name} alone opens the zones again`,
    stale: stale(account),
    run: () => result(api.PUT("/headwater/v1/accounts/{account_id}/tsigs/{tsig_id}/rotation", { ...path(props), body: { successor_id: null, force } })),
    then: props.onClose,
  });
  return (
    <>
      <FormDialog
        open={!configuring}
        size="xl"
        onClose={props.onClose}
        title={`Rotate ${r.name}`}
        description={`${successor?.name ?? "Another key"} follows it: both open the zones. Give the new one to each secondary; what it signs with is seen at its next question.`}
        submit={`Retire ${r.name}`}
        destructive={force}
        busy={retire.busy}
        error={retire.error}
        disabled={!r.retirable && !force}
        onSubmit={retire.run}
      >
        {r.peers.length === 0 ? (
          <p className="m-0 text-sm text-kumo-subtle">No peer has it: it can be retired.</p>
        ) : (
          <DataTable
            label="Peers that have it"
            rows={r.peers}
            id={(p) => p.peer_id}
            columns={[
              { head: "Peer", className: "font-medium", cell: (p) => p.name },
              {
                head: "Signs with",
                cell: (p) => (
                  <Badge appearance="dot" variant={uses[p.use][0]}>
                    {uses[p.use][1]}
                  </Badge>
                ),
              },
              { head: "Left", named: true, cell: (p) => (p.zones_left > 0 ? `${p.zones_left.toLocaleString("en")} of ${counted(p.zones, "zone")}, ${p.zone}` : "–") },
              { head: "Seen", named: true, cell: (p) => ago(p.seen_on) },
            ]}
          />
        )}
        <div className="flex flex-wrap gap-2">
          {successor && (
            <Button type="button" size="sm" onClick={() => setConfiguring(true)}>
              Configuration with the new key
            </Button>
          )}
          <Button type="button" size="sm" loading={back.busy} onClick={() => back.run()}>
            Go back to the old key
          </Button>
        </div>
        {!r.retirable && <Checkbox label="Whoever still uses the old key is refused from then on, and I want that" checked={force} onCheckedChange={(v) => setForce(v === true)} />}
      </FormDialog>
      <ConfigDialog account={account} open={configuring} tsig={successor} onClose={() => setConfiguring(false)} />
    </>
  );
}
