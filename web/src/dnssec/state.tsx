import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Meter } from "@cloudflare/kumo/components/meter";
import { useState } from "react";
import type { Schema } from "../api/client";
import { deleteDNSSEC, patchDNSSEC, sayDS, type Signing, type SigningKey } from "../api/dnssec";
import { useAction } from "../ui/action";
import { Copyables } from "../ui/copyable";
import { ConfirmDialog } from "../ui/dialogs";
import { ago, counted } from "../ui/format";
import { Notice } from "../ui/notice";
import { Card } from "../ui/page";
import { before, stageOf, stages, type Stage } from "./words";

type Props = { zone: Schema<"Zone">; state: Schema<"DNSSEC">; signing: Signing };

/** Whether the zone is signed, what is missing until it is validated, and the switch. */
export function StateCard({ zone, state, signing }: Props) {
  const stage = stageOf(state, signing);
  const [variant, badge] = stages[stage].badge;
  return (
    <Card title="State of the zone" description={stages[stage].text} actions={<Badge appearance="dot" variant={variant}>{badge}</Badge>}>
      <div className="flex flex-col gap-4">
        {signing.trouble !== null && <Notice variant="error" title="Signing has stopped" description={signing.trouble} />}
        {signing.progress !== null && <Progress {...signing.progress} />}
        {stage === "early" && <Notice variant="alert" title="Not yet" description={[...new Set(before(signing).map((w) => w.text))].join(" ")} />}
        {(stage === "early" || stage === "waiting" || stage === "active" || stage === "leaving") && <Registrar zone={zone} state={state} signing={signing} stage={stage} />}
        <Switches zone={zone} stage={stage} />
      </div>
    </Card>
  );
}

/** How far signing of the whole zone has come. */
function Progress(p: NonNullable<Signing["progress"]>) {
  const share = p.total > 0 ? Math.min(100, Math.floor((100 * p.done) / p.total)) : 0;
  return (
    <div role="status">
      <Meter label={p.what.charAt(0).toUpperCase() + p.what.slice(1)} value={share} max={100} />
      <p className="mt-1 mb-0 text-sm text-kumo-subtle">{`${p.done.toLocaleString("en")} of ${counted(p.total, "record")}, since ${ago(p.since)}. The zone is answered as before meanwhile.`}</p>
    </div>
  );
}

/** Keys that the parent leads to, or should. */
const entryKeys = (signing: Signing): SigningKey[] =>
  signing.keys.filter((k) => k.role !== "zsk" && k.ds.length > 0 && k.origin !== "foreign" && k.state !== "gone");

/** The DS record as registrars ask for it, and saying by hand that it is there, or gone. */
function Registrar({ zone, state, signing, stage }: Props & { stage: Stage }) {
  const going = stage === "leaving";
  const settled = going ? "nowhere" : "everywhere";
  // In a zone that is active, the keys of a roll ask for themselves.
  const keys = stage === "active" ? [] : entryKeys(signing).filter((k) => k.ds_seen !== settled);
  const say = useAction({
    stale: [["dnssec", zone.id]],
    done: "Noted",
    run: (key: SigningKey) => sayDS(zone.id, { key_id: key.id, seen: !going }),
  });
  const parts = [
    ["DS record", state.ds],
    ["Key tag", state.key_tag],
    ["Algorithm", state.algorithm && `${state.algorithm}${state.key_type ? ` (${state.key_type})` : ""}`],
    ["Digest type", state.digest_type && `${state.digest_type}${state.digest_algorithm ? ` (${state.digest_algorithm})` : ""}`],
    ["Digest", state.digest],
    ["Public key", state.public_key],
    ["Flags", state.flags && `${state.flags} (KSK)`],
  ] as const;
  return (
    <section aria-label="DS record for the registrar" className="rounded-md ring ring-kumo-hairline">
      <div className="px-4 py-2">
        <Copyables items={parts.flatMap(([label, value]) => (value === undefined || value === null || value === "" ? [] : [[label, String(value)] as const]))} />
      </div>
      {keys.length > 0 && (
        <div className="flex flex-wrap items-center justify-between gap-3 border-t border-kumo-hairline px-4 py-3">
          <p className="m-0 min-w-0 flex-1 basis-64 text-sm text-kumo-subtle">
            {going
              ? "The parent is looked at now and then. If it cannot be asked from here, say so yourself when the DS record is gone and its TTL has passed."
              : "The parent is looked at now and then. If it cannot be asked from here, say so yourself when your registrar has the DS record."}
          </p>
          {keys.map((k) => (
            <Button key={k.id} loading={say.busy} onClick={() => say.run(k)}>
              {`${going ? "The DS record is gone" : "The registrar has it"}${keys.length > 1 ? ` (${k.tag})` : ""}`}
            </Button>
          ))}
        </div>
      )}
    </section>
  );
}

/** On, off, and away. */
function Switches({ zone, stage }: { zone: Schema<"Zone">; stage: Stage }) {
  const [asking, setAsking] = useState<"off" | "remove" | null>(null);
  const stale = [["dnssec", zone.id], ["records", zone.id]];
  const enable = useAction({ stale, done: "DNSSEC is enabled", run: () => patchDNSSEC(zone.id, { status: "active" }) });
  const end = { stale, quiet: true, then: () => setAsking(null) };
  const disable = useAction({ ...end, done: "DNSSEC is being disabled", run: () => patchDNSSEC(zone.id, { status: "disabled" }) });
  const remove = useAction({ ...end, done: "Keys and signatures are removed", run: () => deleteDNSSEC(zone.id) });
  const off = stage === "unsigned" || stage === "withdrawn" || stage === "leaving" || stage === "removing";
  const close = () => {
    setAsking(null);
    disable.reset();
    remove.reset();
  };
  return (
    <div className="flex flex-wrap gap-2">
      {off ? (
        <Button variant={stage === "unsigned" ? "primary" : "secondary"} loading={enable.busy} onClick={() => enable.run()}>
          {stage === "unsigned" ? "Enable DNSSEC" : "Keep DNSSEC after all"}
        </Button>
      ) : (
        <Button variant="secondary-destructive" onClick={() => setAsking("off")}>
          {stage === "active" ? "Disable DNSSEC" : "Cancel set-up"}
        </Button>
      )}
      {stage === "withdrawn" && (
        <Button variant="secondary-destructive" onClick={() => setAsking("remove")}>
          Remove keys and signatures
        </Button>
      )}
      <ConfirmDialog
        open={asking === "off"}
        title="Disable DNSSEC"
        text={
          stage === "active"
            ? `The zone stays signed until the DS record of ${zone.name} is gone from the parent, which you see to at your registrar. Without that step nothing changes for anybody who validates.`
            : `Nobody relies on the signatures of ${zone.name} yet, as far as is known. If the DS record was just added at your registrar, remove it there first.`
        }
        submit="Disable DNSSEC"
        busy={disable.busy}
        error={disable.error}
        onClose={close}
        onConfirm={disable.run}
      />
      <ConfirmDialog
        open={asking === "remove"}
        title="Remove keys and signatures"
        text={`The keys of ${zone.name} are gone for good. If a DS record still leads to one of them somewhere, the zone fails there for everybody who validates.`}
        submit="Remove"
        busy={remove.busy}
        error={remove.error}
        onClose={close}
        onConfirm={remove.run}
      />
    </div>
  );
}
