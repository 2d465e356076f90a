import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { dnssecQuery, signingQuery } from "../api/dnssec";
import { zoneQuery } from "../api/queries";
import { ExpiryCard } from "../dnssec/expiry";
import { KeysCard } from "../dnssec/keys";
import { MultiSignerCard, PolicyCard } from "../dnssec/policy";
import { ReportsCard } from "../dnssec/reports";
import { StateCard } from "../dnssec/state";
import { Loaded, Page } from "../ui/page";
import { Allowed, zoneRights } from "../ui/rights";

/** Zone > DNS > Settings > DNSSEC. */
export default function DNSSEC() {
  const { account, zone: name } = useParams({ from: "/signed-in/$account/$zone/dns/settings/dnssec" });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const state = useQuery(dnssecQuery(zone.id));
  const signing = useQuery(signingQuery(zone.id));
  return (
    <Page title="DNSSEC" description={`Signatures by which resolvers tell answers of ${name} from forged ones.`}>
      <Allowed may={zoneRights(zone).records}>
        <Loaded query={state}>
          {(s) => (
            <Loaded query={signing}>
              {(keys) => (
                <>
                  <StateCard zone={zone} state={s} signing={keys} />
                  <KeysCard zone={zone} signing={keys} />
                  {keys.signed && <ExpiryCard signing={keys} />}
                  <PolicyCard key={keys.policy.zsk_roll_days} zone={zone} signing={keys} />
                  <MultiSignerCard zone={zone} signing={keys} />
                </>
              )}
            </Loaded>
          )}
        </Loaded>
      </Allowed>
      <ReportsCard zone={zone} may={zoneRights(zone).records} />
    </Page>
  );
}
