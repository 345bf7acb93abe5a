/** @file The door `sluice/tasks`: data, model, loss, metrics and prediction of whole tasks. */
export * as forecast from "./forecast/index.ts";
