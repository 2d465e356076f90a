import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { Link } from "@cloudflare/kumo/components/link";
import { Switch } from "@cloudflare/kumo/components/switch";
import { CheckCircleIcon, CircleIcon, QuestionIcon } from "@phosphor-icons/react";
import { useState } from "react";
import type { Schema } from "../api/client";
import { patchDNSSEC, patchSigning, type Signing } from "../api/dnssec";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { Copyables } from "../ui/copyable";
import { Card } from "../ui/page";
import { algorithmOf, algorithms, roles } from "./words";

type Props = { zone: Schema<"Zone">; signing: Signing };

const rolls = [
  ["request", "When somebody asks for it here"],
  ["cds", "By itself, where the parent reads CDS"],
] as const;

/** How the zone is signed, and when its keys roll. */
export function PolicyCard({ zone, signing }: Props) {
  const [days, setDays] = useState(String(signing.policy.zsk_roll_days));
  const stale = [["dnssec", zone.id]];
  const done = "DNSSEC settings saved";
  const save = useAction({ stale, done, run: (body: Parameters<typeof patchSigning>[1]) => patchSigning(zone.id, body) });
  return (
    <Card title="How it is signed">
      <div className="flex flex-col gap-5">
        <div>
          <Switch
            label="NSEC3 in place of NSEC"
            checked={signing.denial === "nsec3"}
            disabled={save.busy}
            onCheckedChange={(on) => save.run({ denial: on ? "nsec3" : "nsec" })}
          />
          <p className="mt-1 mb-0 text-sm text-kumo-subtle">
            The names of the zone cannot be listed by walking it; answers cost more, here and at secondaries. A signed zone is signed anew. No iterations, no salt (RFC 9276).
          </p>
        </div>
        <div className="grid items-start gap-4 sm:grid-cols-2">
          <Choice
            label="Algorithm of keys made from now on"
            value={`${signing.policy.algorithm}`}
            options={algorithms}
            disabled={save.busy}
            onChange={(a) => save.run({ policy: { algorithm: algorithmOf(a) } })}
          />
          <Choice label="Roll of the KSK" value={signing.policy.ksk_roll} options={rolls} disabled={save.busy} onChange={(ksk_roll) => save.run({ policy: { ksk_roll } })} />
        </div>
        <form
          className="flex flex-wrap items-end gap-3"
          onSubmit={(e) => {
            e.preventDefault();
            save.run({ policy: { zsk_roll_days: Number(days) } });
          }}
        >
          <Input
            label="Days between rolls of the ZSK (0: when somebody asks)"
            inputMode="numeric"
            pattern="[0-9]+"
            required
            value={days}
            error={save.at("/policy/zsk_roll_days")}
            onChange={(e) => setDays(e.target.value)}
          />
          <Button type="submit" loading={save.busy} disabled={days === String(signing.policy.zsk_roll_days)}>
            Save days
          </Button>
        </form>
        <div>
          <Switch label="Publish CDS and CDNSKEY" checked={signing.policy.cds} disabled={save.busy} onCheckedChange={(cds) => save.run({ policy: { cds } })} />
          <p className="mt-1 mb-0 text-sm text-kumo-subtle">Parents that read them take the DS record by themselves (RFC 8078).</p>
        </div>
      </div>
    </Card>
  );
}

/** Signing beside another provider (RFC 8901, model 2), and what each side still has to do. */
export function MultiSignerCard({ zone, signing }: Props) {
  const set = useAction({
    stale: [["dnssec", zone.id], ["records", zone.id]],
    done: (_, on: boolean) => (on ? "Multi-signer is on" : "Multi-signer is off"),
    run: (on: boolean) => patchDNSSEC(zone.id, { dnssec_multi_signer: on }),
  });
  const ours = signing.keys.filter((k) => k.origin !== "foreign" && k.state !== "gone");
  const base = `/${zone.account.id}/${zone.name}`;
  return (
    <Card title="Multi-signer DNSSEC" description="Two providers sign the zone, each with its own keys; each publishes the other's (RFC 8901, model 2).">
      <Switch label="Multi-signer" checked={signing.multi_signer} disabled={set.busy} onCheckedChange={set.run} />
      {signing.multi_signer && (
        <div className="mt-4 flex flex-col gap-4 text-sm">
          <ol aria-label="Steps of signing together" className="m-0 flex list-none flex-col gap-2 p-0">
            {signing.multi_signer_steps.map((s) => {
              const Mark = s.done ? CheckCircleIcon : s.done === null ? QuestionIcon : CircleIcon;
              return (
                <li key={s.step} className="flex items-start gap-2">
                  <Mark aria-hidden weight={s.done ? "fill" : "regular"} className={`mt-0.5 size-4 shrink-0 ${s.done ? "text-kumo-success" : "text-kumo-subtle"}`} />
                  <span className="min-w-0 break-words">
                    <span className="sr-only">{s.done ? "Done: " : s.done === null ? "Cannot be seen from here: " : "Missing: "}</span>
                    {s.text}
                  </span>
                </li>
              );
            })}
          </ol>
          <p className="m-0 flex flex-wrap gap-4">
            <Link href={`${base}/dns/records?type=DNSKEY`}>Their DNSKEY records here</Link>
            <Link href={`${base}/dns/settings`}>Multi-provider DNS</Link>
          </p>
          {ours.length > 0 && (
            <section aria-label="Our keys for the other signer">
              <h3 className="mt-0 mb-1 text-base font-semibold">Our keys, for the other signer</h3>
              <Copyables items={ours.map((k) => [`${roles[k.role][0]} ${k.tag}`, k.dnskey] as const)} />
            </section>
          )}
        </div>
      )}
    </Card>
  );
}
