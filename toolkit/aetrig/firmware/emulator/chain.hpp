// A network's steps one behind the other, for N events at once.
// Included once in the namespace of each path.

template <int I, int N, class Step, class... Rest>
AETRIG_INLINE auto &rows_of(Rows<N, Step, Rest...> &rows) {
    if constexpr (I <= 0)
        return rows.here;
    else
        return rows_of<I - 1>(rows.rest);
}

template <class All, int N, class Last> AETRIG_INLINE void through(All &, Rows<N, Last> &) {}

template <class All, int N, class Before, class Step, class... Rest>
AETRIG_INLINE void through(All &all, Rows<N, Before, Step, Rest...> &rows) {
    if constexpr (Step::kind == 2)
        add<Step>(rows.here, rows_of<Step::other>(all), rows.rest.here);
    else if constexpr (Step::kind == 1)
        look_up<Step>(rows.here, rows.rest.here);
    else
        dense<Step>(rows.here, rows.rest.here);
    through(all, rows.rest);
}

template <class Net> struct Chain;

template <class Input, class Score, class Points, class... Layers>
struct Chain<Network<Input, Score, Points, Layers...>> {
    // What follows the input's rows, in one piece for inputs of 16 and of 32 bits.
    template <int N>
    AETRIG_STEP void finish(Rows<N, Input, Layers...> &rows, int32_t *y, int64_t *score, uint8_t *accept) {
        through(rows, rows);
        auto &output = rows_of<sizeof...(Layers)>(rows);
        for (int e = 0; e < N && y; e++)
            write(output[e], y + e * width);
        if constexpr (!std::is_same_v<Score, NoScore>) {
            if (!score && !accept)
                return;
            auto &reference = rows_of<Score::reference>(rows);
            for (int e = 0; e < N; e++) {
                int64_t value = scored<Score>(output[e], reference[e]);
                if (score)
                    score[e] = value;
                for (int i = 0; i < Points::count && accept; i++)
                    accept[e * Points::count + i] = value > Points::threshold[i];
            }
        }
    }

    // Returns false where ``check`` and an input is outside the wires' range.
    template <int N, class T>
    static bool block(bool check, const T *x, int32_t *y, int64_t *score, uint8_t *accept) {
        Rows<N, Input, Layers...> rows;
        if (!scale<Input>(check, x, rows.here))
            return false;
        finish<N>(rows, y, score, accept);
        return true;
    }

    // Evaluates up to the first block with an event outside the wires' range; returns whether all.
    template <class T>
    static bool run(bool check, const T *x, size_t events, int32_t *y, int64_t *score, uint8_t *accept) {
        size_t event = 0;
        for (; event + events_at_once <= events; event += events_at_once)
            if (!at<events_at_once>(event, check, x, y, score, accept))
                return false;
        for (; event < events; event++)
            if (!at<1>(event, check, x, y, score, accept))
                return false;
        return true;
    }

  private:
    static constexpr int width = LastOf<Layers...>::outputs;

    template <int N, class T>
    AETRIG_INLINE bool at(size_t event, bool check, const T *x, int32_t *y, int64_t *score, uint8_t *accept) {
        return block<N>(check, x + event * Input::width, y ? y + event * width : y, score ? score + event : score,
                        accept ? accept + event * Points::count : accept);
    }
};
