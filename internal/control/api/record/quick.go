package record

import "github.com/headwaterdns/headwater/internal/control/api"

// What is read and written with every change goes past the encoder: these are the forms that do.
var (
	_ api.Appender = JSON{}
	_ api.Appender = batchJSON{}
	_ api.Quick    = (*recordBody)(nil)
	_ api.Quick    = (*batchBody)(nil)
)
