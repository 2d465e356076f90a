package main

import (
	"context"
	"errors"
)

type serveCmd struct {
	Data string `default:"./data" help:"Directory of the embedded store and the secret key."`
}

// Run is wired as the parts appear.
func (c *serveCmd) Run(ctx context.Context) error { return errors.New("not wired yet") }
