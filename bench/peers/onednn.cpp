// oneDNN's side of a comparison, in C++: the same lines of JSON as host.mjs, for its recurrent primitives. No JavaScript can call them; they are
// the fastest that a processor like this is known to do, so they show what there is to reach.
//
//     g++ -O3 -std=c++17 bench/peers/onednn.cpp -ldnnl -o onednn && OMP_NUM_THREADS=1 ./onednn
//
// In its favour: weights are brought into the order that each primitive prefers once, outside of the timing, although a training that moves
// its weights would have to do so in every step.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <unordered_map>
#include <vector>
#include <oneapi/dnnl/dnnl.hpp>

using namespace dnnl;
using std::string;
using std::vector;
using Floats = vector<float>;
using Arguments = std::unordered_map<int, memory>;
using type = memory::data_type;
using tag = memory::format_tag;

struct Cannot : std::runtime_error {
  using runtime_error::runtime_error;
};

// ---- the few things of JSON that the bench sends: one flat object, and one inside it whose values are numbers ----

string textOf(const string& line, const string& name) {
  const size_t at = line.find("\"" + name + "\":\"");
  if (at == string::npos) throw std::runtime_error("no " + name + " in " + line);
  const size_t from = at + name.size() + 4;
  return line.substr(from, line.find('"', from) - from);
}
int numberOf(const string& line, const string& name) {
  const size_t at = line.find("\"" + name + "\":");
  if (at == string::npos) throw std::runtime_error("no " + name + " in " + line);
  return std::stoi(line.substr(at + name.size() + 3));
}
vector<std::pair<string, size_t>> sizesOf(const string& line) {
  vector<std::pair<string, size_t>> sizes;
  size_t at = line.find("\"sizes\":{") + 9;
  while (line[at] != '}') {
    const size_t from = line.find('"', at) + 1, to = line.find('"', from);
    size_t digits = 0;
    sizes.emplace_back(line.substr(from, to - from), std::stoul(line.substr(to + 2), &digits));
    at = to + 2 + digits;
  }
  return sizes;
}

// ---- a workload ----

struct Work {
  string kind, cell, form;
  int layers, L, B, I, H;
  std::map<string, Floats> values;
  bool lstm() const { return cell == "lstm"; }
  int gates() const { return lstm() ? 4 : cell == "gru" ? 3 : 1; }
  bool linearBeforeReset() const { return cell == "gru" && form == "after"; }
  int biases() const { return linearBeforeReset() ? 4 : gates(); }
  // The place of our gate g in oneDNN's order: GRU z, r, n; LSTM i, f, c, o as ours.
  int place(int g) const { return cell == "gru" && g < 2 ? 1 - g : g; }
  const Floats& of(const char* name, int layer) const { return values.at(layer == 0 ? name : name + std::to_string(layer)); }
};

engine cpu(engine::kind::cpu, 0);
stream queue(cpu);

float* data(const memory& m) { return (float*)m.get_data_handle(); }
memory::desc plain(const memory::dims& dims, tag order) { return {dims, type::f32, order}; }
memory make(const memory::desc& desc) {
  memory m(desc, cpu);
  std::fill_n((char*)m.get_data_handle(), desc.get_size(), 0);
  return m;
}
// m in the order of `desc`.
memory inOrder(memory m, const memory::desc& desc) {
  if (m.get_desc() == desc) return m;
  memory other(desc, cpu);
  reorder(m, other).execute(queue, m, other);
  queue.wait();
  return other;
}

// Our weights [G H, n], or of all layers, as [layer, 1, n, gate, H].
memory weightsOf(const Work& w, const char* name) {
  const int H = w.H, G = w.gates(), n = string(name) == "wx" ? w.I : H;
  memory m = make(plain({w.layers, 1, n, G, H}, tag::ldigo));
  float* to = data(m);
  for (int l = 0; l < w.layers; l++)
    for (int g = 0; g < G; g++)
      for (int o = 0; o < H; o++)
        for (int i = 0; i < n; i++) to[((l * n + i) * G + w.place(g)) * H + o] = w.of(name, l)[(g * H + o) * n + i];
  return m;
}
// Both biases as oneDNN has them: their sum; with the reset after the product, that of n's recurrent part on its own.
memory biasOf(const Work& w) {
  const int H = w.H, G = w.gates(), N = w.biases();
  memory m = make(plain({w.layers, 1, N, H}, tag::ldgo));
  for (int l = 0; l < w.layers; l++)
    for (int g = 0; g < G; g++)
      for (int o = 0; o < H; o++) {
        float* to = data(m) + l * N * H + o;
        const float bx = w.of("bx", l)[g * H + o], bh = w.of("bh", l)[g * H + o];
        const bool apart = w.linearBeforeReset() && g == 2;
        to[w.place(g) * H] = apart ? bx : bx + bh;
        if (apart) to[3 * H] = bh;
      }
  return m;
}

// Descriptors of everything that a primitive takes, weights in whatever order it likes.
struct Shapes {
  memory::desc x, h, c, wx, wh, b, y;
  Shapes(const Work& w, int L)
    : x(plain({L, w.B, w.I}, tag::tnc)), h(plain({w.layers, 1, w.B, w.H}, tag::ldnc)), c(w.lstm() ? h : memory::desc()),
      wx(plain({w.layers, 1, w.I, w.gates(), w.H}, tag::any)), wh(plain({w.layers, 1, w.H, w.gates(), w.H}, tag::any)),
      b(plain({w.layers, 1, w.biases(), w.H}, tag::ldgo)), y(plain({L, w.B, w.H}, tag::tnc)) {}
};
constexpr auto LTR = rnn_direction::unidirectional_left2right;

// A primitive and the orders that it wants its weights in.
struct Made {
  primitive p;
  memory::desc wx, wh, workspace, dwx, dwh;
};

template <class Pass> Made finish(const typename Pass::primitive_desc& d) {
  return {Pass(d), d.weights_layer_desc(), d.weights_iter_desc(), d.workspace_desc(), {}, {}};
}
Made forward(const Work& w, const Shapes& s, prop_kind kind) {
  if (w.lstm()) return finish<lstm_forward>({{kind, LTR, s.x, s.h, s.c, s.wx, s.wh, s.b, s.y, s.h, s.c}, cpu});
  if (w.cell == "rnn") return finish<vanilla_rnn_forward>({{kind, algorithm::eltwise_tanh, LTR, s.x, s.h, s.wx, s.wh, s.b, s.y, s.h}, cpu});
  if (w.form == "after") return finish<lbr_gru_forward>({{kind, LTR, s.x, s.h, s.wx, s.wh, s.b, s.y, s.h}, cpu});
  return finish<gru_forward>({{kind, LTR, s.x, s.h, s.wx, s.wh, s.b, s.y, s.h}, cpu});
}

template <class Forward, class Backward, class... A> Made backwardFrom(typename Forward::desc hint, A... a) {
  const typename Forward::primitive_desc before(hint, cpu);
  const typename Backward::primitive_desc d(typename Backward::desc(prop_kind::backward, a...), cpu, before);
  return {Backward(d), d.weights_layer_desc(), d.weights_iter_desc(), d.workspace_desc(), d.diff_weights_layer_desc(), d.diff_weights_iter_desc()};
}
Made backward(const Work& w, const Shapes& s) {
  const auto kind = prop_kind::forward_training;
  const auto tanh = algorithm::eltwise_tanh;
  if (w.lstm())
    return backwardFrom<lstm_forward, lstm_backward>({kind, LTR, s.x, s.h, s.c, s.wx, s.wh, s.b, s.y, s.h, s.c}, LTR, s.x, s.h, s.c, s.wx, s.wh, s.b, s.y, s.h,
                                                     s.c, s.x, s.h, s.c, s.wx, s.wh, s.b, s.y, s.h, s.c);
  if (w.cell == "rnn")
    return backwardFrom<vanilla_rnn_forward, vanilla_rnn_backward>({kind, tanh, LTR, s.x, s.h, s.wx, s.wh, s.b, s.y, s.h}, tanh, LTR, s.x, s.h, s.wx, s.wh, s.b,
                                                                   s.y, s.h, s.x, s.h, s.wx, s.wh, s.b, s.y, s.h);
  if (w.form == "after")
    return backwardFrom<lbr_gru_forward, lbr_gru_backward>({kind, LTR, s.x, s.h, s.wx, s.wh, s.b, s.y, s.h}, LTR, s.x, s.h, s.wx, s.wh, s.b, s.y, s.h, s.x, s.h,
                                                           s.wx, s.wh, s.b, s.y, s.h);
  return backwardFrom<gru_forward, gru_backward>({kind, LTR, s.x, s.h, s.wx, s.wh, s.b, s.y, s.h}, LTR, s.x, s.h, s.wx, s.wh, s.b, s.y, s.h, s.x, s.h, s.wx,
                                                 s.wh, s.b, s.y, s.h);
}

using Named = vector<std::pair<string, Floats>>;
Floats copyOf(const memory& m) { return Floats(data(m), data(m) + m.get_desc().get_size() / sizeof(float)); }

struct Task {
  virtual ~Task() = default;
  virtual void run() = 0;
  virtual Named check() = 0;
};

// One sample of each session, states going back and forth between two buffers.
struct Step : Task {
  const Work& w;
  Shapes s;
  Made made;
  Arguments arguments[2];
  memory x, y;
  int at = 0;
  explicit Step(const Work& work) : w(work), s(w, 1), made(forward(w, s, prop_kind::forward_inference)), x(make(s.x)), y(make(s.y)) {
    const memory wx = inOrder(weightsOf(w, "wx"), made.wx), wh = inOrder(weightsOf(w, "wh"), made.wh), b = biasOf(w);
    const memory h[] = {make(s.h), make(s.h)}, c[] = {w.lstm() ? make(s.c) : memory(), w.lstm() ? make(s.c) : memory()};
    for (int i = 0; i < 2; i++) {
      arguments[i] = {{DNNL_ARG_SRC_LAYER, x}, {DNNL_ARG_SRC_ITER, h[i]}, {DNNL_ARG_WEIGHTS_LAYER, wx}, {DNNL_ARG_WEIGHTS_ITER, wh},
                      {DNNL_ARG_BIAS, b},      {DNNL_ARG_DST_LAYER, y},   {DNNL_ARG_DST_ITER, h[1 - i]}};
      if (w.lstm()) {
        arguments[i][DNNL_ARG_SRC_ITER_C] = c[i];
        arguments[i][DNNL_ARG_DST_ITER_C] = c[1 - i];
      }
    }
  }
  void run() override {
    std::copy_n(w.values.at("x").data() + (size_t)at % w.L * w.B * w.I, w.B * w.I, data(x));
    made.p.execute(queue, arguments[at & 1]);
    queue.wait();
    at++;
  }
  Named check() override {
    at = 0;
    for (auto& a : arguments) {
      std::fill_n(data(a[DNNL_ARG_SRC_ITER]), s.h.get_size() / 4, 0.f);
      if (w.lstm()) std::fill_n(data(a[DNNL_ARG_SRC_ITER_C]), s.h.get_size() / 4, 0.f);
    }
    for (int t = 0; t < w.L; t++) run();
    return {{"y", copyOf(y)}};
  }
};

struct Forward : Task {
  const Work& w;
  Shapes s;
  Made made;
  Arguments arguments;
  memory y;
  explicit Forward(const Work& work, prop_kind kind = prop_kind::forward_inference) : w(work), s(w, w.L), made(forward(w, s, kind)), y(make(s.y)) {
    memory x = make(s.x);
    std::copy(w.values.at("x").begin(), w.values.at("x").end(), data(x));
    arguments = {{DNNL_ARG_SRC_LAYER, x},
                 {DNNL_ARG_SRC_ITER, make(s.h)},
                 {DNNL_ARG_WEIGHTS_LAYER, inOrder(weightsOf(w, "wx"), made.wx)},
                 {DNNL_ARG_WEIGHTS_ITER, inOrder(weightsOf(w, "wh"), made.wh)},
                 {DNNL_ARG_BIAS, biasOf(w)},
                 {DNNL_ARG_DST_LAYER, y},
                 {DNNL_ARG_DST_ITER, make(s.h)}};
    if (w.lstm()) {
      arguments[DNNL_ARG_SRC_ITER_C] = make(s.c);
      arguments[DNNL_ARG_DST_ITER_C] = make(s.c);
    }
    if (kind == prop_kind::forward_training) arguments[DNNL_ARG_WORKSPACE] = make(made.workspace);
  }
  void run() override {
    made.p.execute(queue, arguments);
    queue.wait();
  }
  Named check() override {
    run();
    return {{"y", copyOf(y)}};
  }
};

// Forward, the gradient of the mean squared error, backward.
struct Train : Forward {
  Made back;
  Arguments arguments2;
  explicit Train(const Work& work) : Forward(work, prop_kind::forward_training), back(backward(w, s)) {
    arguments2 = arguments;
    arguments2[DNNL_ARG_WEIGHTS_LAYER] = inOrder(weightsOf(w, "wx"), back.wx);
    arguments2[DNNL_ARG_WEIGHTS_ITER] = inOrder(weightsOf(w, "wh"), back.wh);
    arguments2[DNNL_ARG_DIFF_SRC_LAYER] = make(s.x);
    arguments2[DNNL_ARG_DIFF_SRC_ITER] = make(s.h);
    arguments2[DNNL_ARG_DIFF_WEIGHTS_LAYER] = make(back.dwx);
    arguments2[DNNL_ARG_DIFF_WEIGHTS_ITER] = make(back.dwh);
    arguments2[DNNL_ARG_DIFF_BIAS] = make(s.b);
    arguments2[DNNL_ARG_DIFF_DST_LAYER] = make(s.y);
    arguments2[DNNL_ARG_DIFF_DST_ITER] = make(s.h);
    if (w.lstm()) {
      arguments2[DNNL_ARG_DIFF_SRC_ITER_C] = make(s.c);
      arguments2[DNNL_ARG_DIFF_DST_ITER_C] = make(s.c);
    }
  }
  void run() override {
    // It adds to the gradients of weights and biases.
    for (int which : {DNNL_ARG_DIFF_WEIGHTS_LAYER, DNNL_ARG_DIFF_WEIGHTS_ITER, DNNL_ARG_DIFF_BIAS}) {
      memory& m = arguments2[which];
      std::fill_n((char*)m.get_data_handle(), m.get_desc().get_size(), 0);
    }
    made.p.execute(queue, arguments);
    queue.wait();
    const int n = w.L * w.B * w.H;
    const float* target = w.values.at("target").data();
    float *out = data(y), *dy = data(arguments2[DNNL_ARG_DIFF_DST_LAYER]);
    const float scale = 2.f / n;
    for (int i = 0; i < n; i++) dy[i] = scale * (out[i] - target[i]);
    back.p.execute(queue, arguments2);
    queue.wait();
  }
  // [layer, 1, n, gate, H] as our [G H, n], by layer.
  void put(Named& all, const char* name, memory given, int n) {
    const int H = w.H, G = w.gates();
    const memory m = inOrder(given, plain({w.layers, 1, n, G, H}, tag::ldigo));
    for (int l = 0; l < w.layers; l++) {
      Floats grad((size_t)G * H * n);
      for (int g = 0; g < G; g++)
        for (int o = 0; o < H; o++)
          for (int i = 0; i < n; i++) grad[(g * H + o) * n + i] = data(m)[((l * n + i) * G + w.place(g)) * H + o];
      all.emplace_back(l == 0 ? name : name + std::to_string(l), grad);
    }
  }
  Named check() override {
    run();
    Named all = {{"dx", copyOf(arguments2[DNNL_ARG_DIFF_SRC_LAYER])}, {"dh0", copyOf(arguments2[DNNL_ARG_DIFF_SRC_ITER])}};
    if (w.lstm()) all.emplace_back("dc0", copyOf(arguments2[DNNL_ARG_DIFF_SRC_ITER_C]));
    put(all, "dwx", arguments2[DNNL_ARG_DIFF_WEIGHTS_LAYER], w.I);
    put(all, "dwh", arguments2[DNNL_ARG_DIFF_WEIGHTS_ITER], w.H);
    const int H = w.H, G = w.gates(), N = w.biases();
    for (int l = 0; l < w.layers; l++) {
      const float* db = data(arguments2[DNNL_ARG_DIFF_BIAS]) + l * N * H;
      Floats dbx(G * H), dbh(G * H);
      for (int g = 0; g < G; g++) {
        std::copy_n(db + w.place(g) * H, H, dbx.data() + g * H);
        std::copy_n(db + (w.linearBeforeReset() && g == 2 ? 3 : w.place(g)) * H, H, dbh.data() + g * H);
      }
      const string end = l == 0 ? "" : std::to_string(l);
      all.emplace_back("dbx" + end, dbx);
      if (w.form == "after") all.emplace_back("dbh" + end, dbh);
    }
    return all;
  }
};

// ---- the commands ----

Work work;
Task* task = nullptr;

double now() { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
double used() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}
string number(double v) {
  char text[32];
  snprintf(text, sizeof text, "%.9g", v);
  return text;
}

string prepare(const string& line) {
  work = {textOf(line, "kind"), textOf(line, "cell"), textOf(line, "form"), numberOf(line, "layers"), numberOf(line, "L"), numberOf(line, "B"), numberOf(line, "I"), numberOf(line, "H"), {}};
  if (work.kind == "forecaster" || work.kind == "language") throw Cannot("primitives, no training loop");
  std::ifstream file(textOf(line, "file"), std::ios::binary);
  for (const auto& [name, n] : sizesOf(line)) {
    Floats values(n);
    if (!file.read((char*)values.data(), n * sizeof(float))) throw std::runtime_error("the file of values is too short");
    work.values[name] = values;
  }
  delete task;
  task = nullptr;
  if (work.kind == "step") task = new Step(work);
  else if (work.kind == "forward") task = new Forward(work);
  else task = new Train(work);
  const version_t* v = version();
  return "{\"name\":\"oneDNN C++\",\"version\":\"" + std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch) + "\"}";
}

string check(const string& line) {
  std::ofstream file(textOf(line, "out"), std::ios::binary);
  string sizes;
  for (const auto& [name, values] : task->check()) {
    file.write((const char*)values.data(), values.size() * sizeof(float));
    sizes += (sizes.empty() ? "\"" : ",\"") + name + "\":" + std::to_string(values.size());
  }
  return "{\"sizes\":{" + sizes + "}}";
}

string run(const string& line) {
  const int calls = numberOf(line, "calls");
  const double wall = now(), cpu = used();
  for (int i = 0; i < calls; i++) task->run();
  return "{\"wall\":" + number((now() - wall) / calls) + ",\"cpu\":" + number((used() - cpu) / calls) + "}";
}

string steps(const string& line) {
  const int blocks = numberOf(line, "blocks"), block = numberOf(line, "block"), singles = numberOf(line, "singles");
  vector<double> times, alone, empty;
  const double wall = now(), cpu = used();
  for (int i = 0; i < blocks; i++) {
    const double start = now();
    for (int j = 0; j < block; j++) task->run();
    times.push_back((now() - start) / block);
  }
  for (int i = 0; i < singles; i++) {
    const double start = now();
    task->run();
    alone.push_back(now() - start);
  }
  const double wallAll = now() - wall, cpuAll = used() - cpu;
  for (int i = 0; i < 2000; i++) {
    const double start = now();
    empty.push_back(now() - start);
  }
  for (auto* list : {&times, &alone, &empty}) std::sort(list->begin(), list->end());
  const double p99 = std::max(0.0, alone[size_t(0.99 * singles)] - empty[1000]);
  return "{\"p50\":" + number(times[blocks / 2]) + ",\"p99\":" + number(p99) + ",\"wall\":" + number(wallAll) + ",\"cpu\":" + number(cpuAll) + "}";
}

string usage() {
  rusage r;
  getrusage(RUSAGE_SELF, &r);
  return "{\"megabytes\":" + number(r.ru_maxrss / 1024.0) + "}";
}

// A message without what would end a JSON text.
string safe(string text) {
  for (char& c : text)
    if (c == '"' || c == '\\' || c < ' ') c = ' ';
  return text;
}

int main() {
  for (string line; std::getline(std::cin, line);) {
    string answer;
    try {
      const string what = textOf(line, "do");
      answer = what == "prepare" ? prepare(line) : what == "check" ? check(line) : what == "run" ? run(line) : what == "steps" ? steps(line) : usage();
    } catch (const Cannot& e) {
      answer = "{\"cannot\":\"" + safe(e.what()) + "\"}";
    } catch (const std::exception& e) { // oneDNN's own errors too: the bench reports it and goes on
      answer = "{\"error\":\"" + safe(e.what()) + "\"}";
    }
    std::cout << answer << std::endl;
  }
}
