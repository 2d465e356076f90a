import { Button } from "@cloudflare/kumo/components/button";
import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Switch } from "@cloudflare/kumo/components/switch";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schema } from "../api/client";
import { accountTokensQuery, fourEyesQuery, setFourEyes, type FourEyes } from "../api/drafts";
import { tokensQuery, tsigsQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { ConfirmDialog, FormDialog } from "../ui/dialogs";
import { counted } from "../ui/format";
import { Card, Loaded } from "../ui/page";
import { readOnlyText, zoneRights } from "../ui/rights";

type Props = { zone: Schema<"Zone">; account: string };

/** Whether the zone is changed by approved drafts alone, and which tokens change it by themselves all the same. */
export function FourEyesCard(props: Props) {
  const eyes = useQuery(fourEyesQuery(props.zone.id));
  return (
    <Card title="Four eyes" description="Records and settings of the zone are changed by drafts alone that somebody else has approved, by whatever credential.">
      <Loaded query={eyes}>{(e) => <Eyes {...props} eyes={e} />}</Loaded>
    </Card>
  );
}

function Eyes({ zone, account, eyes }: Props & { eyes: FourEyes }) {
  const may = zoneRights(zone).zone;
  const [asked, setAsked] = useState<"switch" | "except" | null>(null);
  const close = () => setAsked(null);
  const set = useAction({
    quiet: true,
    done: (now) => (now.enabled ? "Four eyes are on" : "Four eyes are off"),
    stale: [["four-eyes", zone.id], ["drafts", zone.id]],
    run: (next: FourEyes) => setFourEyes(zone.id, next),
    then: close,
    collected: close,
  });
  const why = may ? undefined : readOnlyText;
  return (
    <div className="flex flex-wrap items-center justify-between gap-3">
      <Switch label="Changes need approval" checked={eyes.enabled} disabled={!may || set.busy} onCheckedChange={() => setAsked("switch")} />
      {eyes.enabled && (
        <Button disabled={!may} title={why} onClick={() => setAsked("except")}>
          {eyes.except.length === 0 ? "Exceptions" : `Exceptions (${eyes.except.length})`}
        </Button>
      )}
      {!may && <p className="m-0 basis-full text-sm text-kumo-subtle">{readOnlyText}</p>}
      <ConfirmDialog
        open={asked === "switch"}
        title={eyes.enabled ? "Switch four eyes off" : "Switch four eyes on"}
        text={
          eyes.enabled
            ? "Whoever may write the zone changes it alone from then on. This itself goes through a draft that somebody else approves; administrators of the server may do it alone."
            : "From then on nobody changes the zone alone: changes go into drafts, and somebody who has no part in one approves it. Whoever has taken a part of somebody else's out counts as an author, too, and cannot. Scripts, dynamic updates and ACME clients are refused, too, unless they are named as exceptions. Keys, raising the serial, deleting the zone and going back in its history are refused until four eyes are off again."
        }
        submit={eyes.enabled ? "Switch off" : "Switch on"}
        busy={set.busy}
        error={set.error}
        onClose={close}
        onConfirm={() => set.run({ enabled: !eyes.enabled, except: [] })}
      />
      {asked === "except" && <Exceptions zone={zone} account={account} eyes={eyes} busy={set.busy} error={set.error} onClose={close} onSave={(except) => set.run({ enabled: true, except })} />}
    </div>
  );
}

/** The most exceptions that a zone has. */
const most = 20;

function Exceptions(props: Props & { eyes: FourEyes; busy: boolean; error: Error | null; onClose: () => void; onSave: (except: string[]) => void }) {
  const own = useQuery(tokensQuery).data ?? [];
  const shared = useQuery(accountTokensQuery(props.account)).data ?? [];
  const keys = useQuery(tsigsQuery(props.account)).data ?? [];
  const [chosen, setChosen] = useState<string[]>(props.eyes.except);
  const known = new Map<string, string>([
    ...own.map((t) => [t.id, `${t.name} (your token)`] as const),
    ...shared.map((t) => [t.id, `${t.name} (token of the account)`] as const),
    ...keys.map((k) => [k.id, `${k.name} (TSIG of dynamic updates)`] as const),
  ]);
  // What somebody else has named is kept, though one may not see what it is.
  const ids = [...new Set([...known.keys(), ...props.eyes.except])];
  return (
    <FormDialog
      open
      title="Exceptions"
      description={`They change the zone by themselves, such as a token for ACME challenges, which should be allowed no more than that. At most ${most}.`}
      submit="Save"
      busy={props.busy}
      error={props.error}
      disabled={chosen.length > most}
      onClose={props.onClose}
      onSubmit={() => props.onSave(chosen)}
    >
      {ids.length === 0 ? (
        <p className="m-0 text-sm">There are no tokens and no TSIGs yet.</p>
      ) : (
        <Checkbox.Group legend="Tokens and TSIGs" value={chosen} onValueChange={setChosen}>
          {ids.map((id) => (
            <Checkbox.Item key={id} value={id} label={known.get(id) ?? `Token ${id}`} />
          ))}
        </Checkbox.Group>
      )}
      <p className="m-0 text-sm text-kumo-subtle" aria-live="polite">{`${counted(chosen.length, "exception")} chosen.`}</p>
    </FormDialog>
  );
}
