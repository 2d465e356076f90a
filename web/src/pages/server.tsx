import { BackupsCard } from "../server/backups";
import { DNSOptionsCard } from "../server/dns-options";
import { HealthCard } from "../server/health";
import { Columns, Page } from "../ui/page";

/** The node that one is signed in to, for those who run the server. */
export default function Server() {
  return (
    <Page title="Server" description="The node that you are signed in to: how it is, what it has for its zones, and how it was started.">
      <Columns
        left={<HealthCard />}
        right={<BackupsCard />}
      />
      <DNSOptionsCard />
    </Page>
  );
}
