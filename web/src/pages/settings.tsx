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
import { Loaded, Page } from "../ui/page";
import { Allowed, zoneRights } from "../ui/rights";

/** Zone > DNS > Settings. */
export default function Settings() {
  const { account, zone: name } = useParams({ from: "/signed-in/$account/$zone/dns/settings" });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const rights = zoneRights(zone);
  const settings = useQuery(dnsSettingsQuery(zone.id));
  return (
    <Page wide title="DNS Settings" description={`How ${name} is answered and transferred.`}>
      {/* One column to a certain width, so that forms stay readable; on a wide screen what concerns transfers stands beside what is answered. */}
      <div className="mx-auto grid w-full max-w-6xl items-start gap-4 min-[110rem]:mx-0 min-[110rem]:max-w-none min-[110rem]:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-4">
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
        </div>
        <div className="flex min-w-0 flex-col gap-4">
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
        </div>
      </div>
    </Page>
  );
}
