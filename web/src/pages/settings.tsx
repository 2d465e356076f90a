import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { dnsSettingsQuery, zoneQuery } from "../api/queries";
import { AnswersCard } from "../settings/answers";
import { DNSSECCard } from "../settings/dnssec";
import { NameServersCard } from "../settings/name-servers";
import { RemoveCard } from "../settings/remove-zone";
import { SOACard } from "../settings/soa";
import { TransfersCard } from "../settings/transfers";
import { ZoneDigestCard } from "../settings/zonemd";
import { Columns, Loaded, Page } from "../ui/page";
import { Allowed, zoneRights } from "../ui/rights";

/** Zone > DNS > Settings. */
export default function Settings() {
  const { account, zone: name } = useParams({ from: "/signed-in/$account/$zone/dns/settings" });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const rights = zoneRights(zone);
  const settings = useQuery(dnsSettingsQuery(zone.id));
  return (
    <Page title="DNS Settings" description={`How ${name} is answered and transferred.`}>
      <Columns
        left={
          <>
            <Allowed may={rights.settings}>
              <TransfersCard zone={zone} account={account} />
            </Allowed>
            <Loaded query={settings}>
              {(s) => (
                <fieldset disabled={!rights.records} className="contents">
                  <NameServersCard zone={zone} settings={s} />
                </fieldset>
              )}
            </Loaded>
          </>
        }
        right={
          <>
            {settings.data && (
              <fieldset disabled={!rights.records} className="contents">
                <AnswersCard zone={zone} settings={settings.data} />
                <SOACard key={JSON.stringify(settings.data.soa)} zone={zone} settings={settings.data} />
              </fieldset>
            )}
            <DNSSECCard zone={zone} account={account} />
            <Allowed may={rights.records}>
              <ZoneDigestCard zone={zone} />
            </Allowed>
            {rights.zone && <RemoveCard zone={zone} account={account} />}
          </>
        }
      />
    </Page>
  );
}
