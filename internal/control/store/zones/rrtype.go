package zones

import (
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// typeText is a type as it stands in the tables, where records are ordered and found by it: as the API shows it. A
// mnemonic that wire learns needs a migration of the rows that have TYPEnnn so far.
func typeText(t wire.Type) string { return t.String() }

func typeOf(text string) (wire.Type, error) {
	t, err := wire.ParseType(text)
	if err != nil {
		return 0, fmt.Errorf("type %q: %w", text, err)
	}
	return t, nil
}

// typeFilter is what a type that a filter names is in the tables; what names none is found nowhere.
func typeFilter(text string) string {
	t, err := typeOf(text)
	if err != nil {
		return engine.WellFormed(text)
	}
	return typeText(t)
}

// RenewRecord gives a row of an older backup the mnemonic that its type has by now.
func RenewRecord(row []any) error {
	text, ok := row[2].(string)
	if !ok {
		return errRow
	}
	t, err := typeOf(text)
	if err != nil {
		return err
	}
	row[2] = typeText(t)
	return nil
}
