import { LinkButton } from "@cloudflare/kumo/components/button";
import { Link } from "@cloudflare/kumo/components/link";
import { CheckCircleIcon, CircleIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import {
  aclsQuery,
  outgoingQuery,
  outgoingStatusQuery,
  peersQuery,
  recordCountQuery,
  secondariesQuery,
  tsigsQuery,
  standingsQuery,
} from "../api/queries";
import { Card, Page } from "../ui/page";
import { ZoneChoice } from "../ui/zone-choice";

type Zone = { id: string; name: string };
type Step = { title: string; text: string; to: string; done: boolean };

/** The eight steps to a working secondary; each ticks itself off from what the server holds. */
export default function Guide() {
  const { account } = useParams({ from: "/signed-in/$account/get-started" });
  const [picked, setPicked] = useState<Zone | undefined>();
  const first = useQuery(standingsQuery({ account, search: "", page: 1, perPage: 1 })).data?.result[0];
  const zone = picked ?? first;
  const steps = useSteps(account, zone);
  const done = steps.filter((s) => s.done).length;
  const next = steps.find((s) => !s.done);
  return (
    <Page title="Get started" description="Eight steps from an empty account to a secondary that follows every change.">
      {zone && <ZoneChoice account={account} label="Zone that the steps are about" by="id" value={zone.id} onChange={(_, z) => setPicked(z)} />}
      <Card title={`${done} of ${steps.length} done${zone ? ` for ${zone.name}` : ""}`}>
        <ol className="m-0 flex list-none flex-col gap-3 p-0">
          {steps.map((s, i) => (
            <li key={s.title} className="flex gap-3" data-done={s.done} aria-current={s === next ? "step" : undefined}>
              {s.done ? (
                <CheckCircleIcon weight="fill" className="mt-0.5 size-5 shrink-0 text-kumo-success" aria-label="Done" />
              ) : (
                <CircleIcon className="mt-0.5 size-5 shrink-0 text-kumo-subtle" aria-label="Open" />
              )}
              <div>
                <Link href={s.to} variant="plain" className={s.done ? "text-sm text-kumo-subtle" : "font-medium"}>{`${i + 1}. ${s.title}`}</Link>
                {!s.done && <p className="mt-0.5 mb-0 text-sm text-kumo-subtle">{s.text}</p>}
                {s === next && (
                  <LinkButton className="mt-2" href={s.to} variant="primary" size="sm">
                    {`Next: ${s.title.charAt(0).toLowerCase()}${s.title.slice(1)}`}
                  </LinkButton>
                )}
              </div>
            </li>
          ))}
        </ol>
      </Card>
      {next === undefined && zone && <After account={account} zone={zone.name} />}
    </Page>
  );
}

/** What is worth doing once the first secondary follows. */
function After({ account, zone }: { account: string; zone: string }) {
  const ways = [
    [`/${account}/alarms?tab=receivers`, "Have somebody told", "A receiver gets word when a secondary falls behind or its copy comes near its expiry."],
    [`/${account}/configurations/dns-zone-transfers?tab=peers`, "Add another secondary", "On another network, so that the zone is answered when the first cannot be reached."],
    [`/${account}/${zone}/dns/settings/dnssec`, "Sign the zone", "DNSSEC, with keys that are rolled by themselves."],
    [`/${account}/${zone}/drafts`, "Work with others", "Drafts collect changes, show what they come to, and make them together."],
    [`/${account}/api-tokens`, "Let programs in", "A token for each, which opens no more than it needs."],
  ] as const;
  return (
    <Card title="What comes next">
      <ul className="m-0 grid list-none gap-x-8 gap-y-4 p-0 sm:grid-cols-2 xl:grid-cols-3">
        {ways.map(([to, title, text]) => (
          <li key={to}>
            <Link href={to}>{title}</Link>
            <p className="mt-0.5 mb-0 text-sm text-kumo-subtle">{text}</p>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function useSteps(account: string, zone: Zone | undefined): Step[] {
  const id = zone?.id ?? "";
  const ofZone = { enabled: zone !== undefined };
  const records = useQuery({ ...recordCountQuery(id, {}), ...ofZone }).data ?? 0;
  const keys = useQuery(tsigsQuery(account)).data ?? [];
  const peers = useQuery(peersQuery(account)).data ?? [];
  const acls = useQuery(aclsQuery(account)).data ?? [];
  const outgoing = useQuery({ ...outgoingQuery(id), ...ofZone }).data;
  const status = useQuery({ ...outgoingStatusQuery(id), ...ofZone }).data;
  const known = useQuery({ ...secondariesQuery(id), ...ofZone }).data;
  const home = `/${account}/home`;
  const config = `/${account}/configurations/dns-zone-transfers`;
  const dns = (page: string) => (zone ? `/${account}/${zone.name}/${page}` : home);
  const linked = (outgoing?.peers.length ?? 0) > 0;
  return [
    { title: "Add a zone", text: "Empty, or with the records of a BIND file.", to: home, done: zone !== undefined },
    { title: "Add DNS records", text: "By hand or by import.", to: dns("dns/records"), done: records > 0 },
    { title: "Create a TSIG", text: "The key that signs transfers and NOTIFY.", to: `${config}?tab=tsig`, done: keys.length > 0 },
    { title: "Create a peer DNS server", text: "The secondary: its address, port and key.", to: `${config}?tab=peers`, done: peers.length > 0 },
    {
      title: "Allow further addresses",
      text: "An ACL, for secondaries that ask from an address other than their peer's.",
      to: `${config}?tab=acls`,
      done: acls.length > 0,
    },
    { title: "Link the peer to the zone", text: "Under DNS Zone Transfers in the zone's DNS settings.", to: dns("dns/settings"), done: linked },
    { title: "Enable outgoing zone transfers", text: "After the review; secondaries get a NOTIFY at once.", to: dns("dns/settings"), done: status === "Enabled" },
    {
      title: "See the secondary in step",
      text: "It has taken the zone and holds our serial.",
      to: dns("secondaries"),
      done: known?.peers.some((p) => p.state === "in_step") ?? false,
    },
  ];
}
