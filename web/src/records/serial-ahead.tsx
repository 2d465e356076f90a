import { useState } from "react";
import type { Schema } from "../api/client";
import { RaiseSerial } from "../transfers/raise-serial";

/** What a file's serial that is ahead of the zone's means for secondaries, and the remedy. */
export function SerialAhead({ ahead, zone, may = true }: { ahead: Schema<"SerialAhead">; zone: string; /** Not before the import. */ may?: boolean }) {
  const [raised, setRaised] = useState(false);
  if (raised) return null;
  return (
    <div className="mt-3 flex flex-col items-start gap-2">
      <p className="m-0">{`Secondaries that hold the file's serial ${ahead.file} take no change from here, where it is ${ahead.zone}, until ours has passed it.`}</p>
      {may && <RaiseSerial zone={zone} atLeast={ahead.at_least} then={() => setRaised(true)} />}
    </div>
  );
}
