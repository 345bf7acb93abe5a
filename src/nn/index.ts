/** @file The door `sluice/nn`: everything that has parameters. */
export { AdaptiveSoftmax, type AdaptiveSoftmaxConfig } from "./adaptive.ts";
export { Attention, type AttentionConfig, type AttentionKind, AttentionPool, type AttentionRead, type PreparedMemory } from "./attention.ts";
export type { Cell, CellConfig, CellKind, CellState, SequenceOptions, SequenceResult, StepResult } from "./cell.ts";
export { dropout, lockedDropout } from "./dropout.ts";
export { Embedding } from "./embedding.ts";
export { GRU, type GRUConfig } from "./gru.ts";
export { Init, type InitScheme } from "./init.ts";
export { Linear } from "./linear.ts";
export { LSTM, type LSTMConfig } from "./lstm.ts";
export { countParameters, type NamesParameters, parametersOf } from "./module.ts";
export { LayerNorm } from "./norm.ts";
export { pool, type Pooling } from "./pool.ts";
export { RNN, type RNNConfig } from "./rnn.ts";
export type { Stream, StreamOptions, Streams } from "./stream.ts";
export { makeCell, Recurrent, type RecurrentConfig, type StackState } from "./stack.ts";
