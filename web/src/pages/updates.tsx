import { Button } from "@cloudflare/kumo/components/button";
import { Link } from "@cloudflare/kumo/components/link";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { zoneQuery } from "../api/queries";
import { deleteUpdatePolicy, updatePoliciesQuery, type UpdatePolicy } from "../api/updates";
import { ResourceTable } from "../transfers/resource-table";
import { ago, moment } from "../ui/format";
import { Loaded, Page, Skeleton } from "../ui/page";
import { zoneRights } from "../ui/rights";
import { ClientDialog } from "../updates/client-dialog";
import { PolicyForm } from "../updates/policy-form";
import { nameText, typesText } from "../updates/words";

/** Zone > Dynamic updates: which keys may change which records by messages (RFC 2136). */
export default function Updates() {
  const { account, zone: name } = useParams({ from: "/signed-in/$account/$zone/dns/updates" });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const policies = useQuery(updatePoliciesQuery(zone.id));
  const [shown, setShown] = useState<UpdatePolicy | null>(null);
  const stale = [["update-policies", zone.id]];
  return (
    <Page title="Dynamic updates" description={`Which keys may change records of ${name} by messages, as DHCP servers, certificate clients and nsupdate send them.`}>
      <Loaded query={policies} waiting={<Skeleton />}>
        {(list) => (
          <ResourceTable
            account={account}
            items={list.map((p) => ({ ...p, name: `${p.tsig_name}: ${p.names.map(nameText).join(", ")}` }))}
            noun="update policy"
            about="A policy lets one TSIG of the account change some types of records at some names. What it changes is a change like any other: with its serial, its NOTIFY, and its entry in the audit log."
            may={zoneRights(zone).records}
            empty="Off. No key may send updates (RFC 2136)."
            first={[
              <>
                Have a key: <Link href={`/${account}/configurations/dns-zone-transfers?tab=tsig`}>create a TSIG</Link> for the client alone, and not that of a secondary.
              </>,
              "Create a policy that lets it change no more than it needs: for certificates, TXT at the _acme-challenge name.",
              "Open the policy's configuration and give it to the client: certbot, a DHCP server or nsupdate.",
            ]}
            follows="What was updated under it stays."
            stale={stale}
            undoIn={zone.id}
            remove={(id) => deleteUpdatePolicy(zone.id, id)}
            columns={[
              { head: "Key", cell: (p) => <span className="font-medium break-all">{p.tsig_name}</span> },
              { head: "Names", cell: (p) => <Names policy={p} />, wraps: true },
              { head: "Types", cell: typesText, wraps: true },
              { head: "Comment", cell: (p) => p.comment || "–", wraps: true },
              {
                head: "Changed",
                cell: (p) => (
                  <time dateTime={p.modified_on} title={moment(p.modified_on)}>
                    {ago(p.modified_on)}
                  </time>
                ),
              },
            ]}
            extra={(p) => (
              <Button size="sm" aria-label={`Configuration for ${p.name}`} onClick={() => setShown(p)}>
                Configuration
              </Button>
            )}
            form={(item, close) => <PolicyForm account={account} zone={zone} item={item} onClose={close} />}
          />
        )}
      </Loaded>
      {shown && <ClientDialog account={account} zone={name} policy={shown} onClose={() => setShown(null)} />}
    </Page>
  );
}

function Names({ policy }: { policy: UpdatePolicy }) {
  return (
    <ul className="m-0 list-none p-0">
      {policy.names.map((n) => (
        <li key={`${n.match} ${n.name}`} className="break-words">
          {nameText(n)}
        </li>
      ))}
    </ul>
  );
}
