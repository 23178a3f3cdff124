/* `report`: the page of runs side by side, also of runs that are long, broken or hostile. */
#include "program.h"
#include "small_digits.h"

static void need_gnuplot(void)
{
    if (system("gnuplot --version >/dev/null 2>&1") != 0)
        skip_because("no gnuplot, which draws the curves", "install gnuplot-nox");
}

static char *page; /* of the last report */

static void read_page(const char *name)
{
    free(page);
    page = read_all(name, NULL);
}
#define read_page(...) FROM_HERE(read_page(__VA_ARGS__))

static int free_page(void **state)
{
    free(page);
    return remove_folder(state);
}

static int times(const char *words)
{
    int count = 0;
    for (const char *found = page; (found = strstr(found, words)) != NULL; found++) count++;
    return count;
}

/* ---- markup ----------------------------------------------------------------------------------------- */

static bool is_one_of(const char *name, size_t length, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strlen(*names) == length && strncmp(name, *names, length) == 0) return true;
    return false;
}

/* The attributes of a tag up to its '>': names and quoted values, none of which runs or loads anything. */
static const char *check_attributes(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n");
        if (*at == '>' || strncmp(at, "/>", 2) == 0) return at;
        const size_t name = strcspn(at, "= \t\r\n<>\"'");
        assert_true(name > 0);
        if (strncmp(at, "on", 2) == 0 || strncmp(at, "src", 3) == 0) fail_msg("an attribute %.40s", at);
        const bool link = name >= 4 && strncmp(at + name - 4, "href", 4) == 0;
        at += name + strspn(at + name, " ");
        if (*at != '=') continue;
        at += 1 + strspn(at + 1, " ");
        const char quote = *at;
        assert_true(quote == '"' || quote == '\'');
        if (link) assert_true(at[1] == '#');
        at = strchr(at + 1, quote);
        assert_non_null(at);
        at++;
    }
}
#define check_attributes(...) VALUE_FROM_HERE(check_attributes(__VA_ARGS__))

/* Elements nest, are of few kinds, and none runs or loads anything. */
static void check_page(void)
{
    static const char *const known[] = {
        "html",    "head",        "title",   "style",   "body",    "main",    "footer",     "h1",    "h2",
        "h3",      "p",           "section", "div",     "table",   "caption", "thead",      "tbody", "tr",
        "th",      "td",          "span",    "details", "summary", "figure",  "figcaption", "ul",    "li",
        "svg",     "desc",        "g",       "path",    "rect",    "circle",  "use",        "defs",  "filter",
        "feFlood", "feComposite", "text",    "tspan",   "polygon", NULL};
    static const char *const alone[] = {"meta", NULL};
    static struct {
        const char *name;
        size_t length;
    } open[64];
    int depth = 0;
    const char *at = strstr(page, "<!DOCTYPE html>\n");
    assert_true(at == page);
    for (at += 15; (at = strchr(at, '<')) != NULL; at++) {
        const bool closes = at[1] == '/';
        const char *name = at + 1 + closes;
        const size_t length = strcspn(name, " \t\r\n/>");
        const bool is_alone = is_one_of(name, length, alone);
        if (!is_alone && !is_one_of(name, length, known)) fail_msg("an element %.60s", at);
        if (closes) {
            assert_true(depth > 0);
            depth--;
            if (open[depth].length != length || strncmp(open[depth].name, name, length) != 0)
                fail_msg("%.60s closes %.60s", at, open[depth].name);
            continue;
        }
        at = check_attributes(name + length);
        if (is_alone || *at == '/') continue;
        assert_true(depth < 64);
        open[depth].name = name;
        open[depth++].length = length;
    }
    assert_int_equal(depth, 0);
    assert_int_equal(times("://"), times("http://www.w3.org/")); /* names of SVG */
}
#define check_page(...) FROM_HERE(check_page(__VA_ARGS__))

/* ---- reports ---------------------------------------------------------------------------------------- */

static void settings_stand_side_by_side(void **state)
{
    need_gnuplot();
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("one"), "--eval-every", "2", THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("two"), "--op", "alpha", "--lr", "0.25", THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "report", at("one"), at("two"), "--out", at("page.html"));
    EXPECT(0, "");
    assert_says(seen.out, "page.html: 2 runs, 5 pictures, ");
    read_page("page.html");
    check_page();
    assert_int_equal(times("<tr class=\"differs\"><th scope=\"row\"><span class=\"mark\" role=\"img\" "
                           "aria-label=\"differs\">≠</span> lr</th><td>0.0003"),
                     1);
    assert_says(page, "</td><td>0.25</td></tr>");
    assert_says(page, "</span> op</th><td>attention</td><td>alpha</td></tr>");
    assert_says(page, "<tr><th scope=\"row\">task</th><td>mnist</td><td>mnist</td></tr>");
    assert_null(strstr(page, "checksum</th>"));
    static const char *const titles[] = {"Training loss", "Loss on the test sets",
                                         "Accuracy on the test sets (top-1, %)", "Learning rate",
                                         "Images per second"};
    for (int i = 0; i < 5; i++) {
        char heading[80];
        snprintf(heading, sizeof heading, "<figure>\n<h3>%s</h3>", titles[i]);
        assert_int_equal(times(heading), 1);
    }
    assert_int_equal(times("<summary>Numbers of this picture</summary>"), 5);
    assert_int_equal(times("xmlns=\"http://www.w3.org/2000/svg\""), 5);
    assert_true(times("<g class=\"run0\"") >= 5 && times("<g class=\"run1\"") >= 5);
    assert_null(strstr(page, "gnuplot_plot_"));
}

static void a_run_without_weights_has_curves(void **state)
{
    need_gnuplot();
    write_text("one.jsonl",
               "{\"step\":1,\"epoch\":1,\"loss\":100,\"tokens_per_second\":5}\n"
               "{\"step\":2,\"epoch\":1,\"test\":\"validation\",\"loss\":3,\"perplexity\":20}\n");
    RUN(NO_ENV, "report", at("one.jsonl"), "--out", at("page.html"));
    EXPECT(0, "");
    assert_says(seen.out, "1 run, 4 pictures");
    read_page("page.html");
    check_page();
    assert_says(page, "No run here has saved weights");
    assert_says(page, "<h3>Perplexity on the test sets</h3>");
    assert_says(page, "<h3>Tokens per second</h3>");
    assert_says(page, "<td>validation</td><td>2</td><td>3</td><td>–</td><td>–</td><td>20</td>");
}

static void write_long_run(const char *name, int steps, double slope)
{
    FILE *file = fopen(at(name), "w");
    assert_non_null(file);
    for (int i = 1; i <= steps; i++) {
        const double loss = i == 54321 ? 98.75 : 2.5 + slope * i + 0.001 * (i % 97);
        fprintf(file,
                "{\"step\":%d,\"epoch\":%d,\"loss\":%.9g,\"lr\":%.9g,\"images_per_second\":%.9g,"
                "\"data_wait\":0.01}\n",
                i, i / 1000 + 1, loss, 3e-4 * (1 - (double)i / steps), 800.0 + i % 13);
        if (i % 1000 == 0)
            fprintf(
                file,
                "{\"step\":%d,\"epoch\":%d,\"test\":\"static\",\"loss\":%.9g,\"top1\":%.9g,\"top5\":99}\n", i,
                i / 1000, loss, 50 + (double)i / steps * 40);
    }
    assert_int_equal(fclose(file), 0);
}
#define write_long_run(...) FROM_HERE(write_long_run(__VA_ARGS__))

static void long_runs_make_a_small_page_with_their_extremes(void **state)
{
    need_gnuplot();
    write_long_run("a.jsonl", 100000, -1e-5);
    write_long_run("b.jsonl", 100000, -2e-5);
    write_long_run("c.jsonl", 100000, 0);
    RUN(NO_ENV, "report", at("a.jsonl"), at("b.jsonl"), at("c.jsonl"), "--out", at("page.html"));
    EXPECT(0, "");
    read_page("page.html");
    check_page();
    assert_true(strlen(page) < 3u << 20);
    assert_int_equal(times(" to 98.75</td>"), 3);
    assert_int_equal(times("<td>98.75</td>"), 0);
}

static void a_million_lines_are_read(void **state)
{
    need_gnuplot();
    FILE *file = fopen(at("long.jsonl"), "w");
    assert_non_null(file);
    for (int i = 0; i < 1000000; i++)
        fprintf(file, i == 777777 ? "{\"step\":%d,\"loss\":null}\n" : "{\"step\":%d,\"loss\":1.5}\n", i);
    assert_int_equal(fclose(file), 0);
    RUN(NO_ENV, "report", at("long.jsonl"), "--out", at("page.html"));
    EXPECT(0, "");
    unlink(at("long.jsonl"));
    read_page("page.html");
    check_page();
    assert_says(page, "<td>999999</td><td>1</td><td>0</td>");
}

/* A safetensors file with these metadata and tensors. */
static void write_weights(const char *name, const char *metadata, const char *tensors, const float *values,
                          size_t count)
{
    char bytes[2048] = {0};
    const int length = snprintf(bytes + 8, sizeof bytes - 8, "{\"__metadata__\":{%s},%s}", metadata, tensors);
    assert_true(length > 0 && (size_t)length + 8 + count * sizeof *values <= sizeof bytes);
    bytes[0] = (char)(length & 255);
    bytes[1] = (char)(length >> 8);
    memcpy(bytes + 8 + length, values, count * sizeof *values);
    write_file(name, bytes, (size_t)length + 8 + count * sizeof *values);
}
#define write_weights(...) FROM_HERE(write_weights(__VA_ARGS__))

#define EVIL               "<img src=x onerror=alert(1)>\"'&`$(id)"

static void markup_from_outside_stays_text(void **state)
{
    static const char evil[] =
        "{\"step\":1,\"loss\":0.5,\"<script>alert(2)</script>\":1}\n"
        "{\"step\":1,\"test\":\"</td><script>alert(3)</script>\\u0001\",\"loss\":1e400,"
        "\"top1\":7}\n"
        "{\"step\":2,\"loss\":NaN}\n\xff\xfe\n{\"step\":3,\"loss\":null}\n"
        "{\"step\":4,\"loss\":1e300}\n{\"step\":5,\"loss\":0.25}\n{\"step\":6,\"lo";
    need_gnuplot();
    mkdir(at(EVIL), 0777);
    write_text(inside(EVIL, "metrics.jsonl"), evil);
    write_weights(inside(EVIL, "model.safetensors"),
                  "\"<b>key</b>\":\"<script>alert(4)</script>\",\"op\":\"\\\" onload=\\\"alert(5)\","
                  "\"image_height\":\"9\",\"image_width\":\"9\",\"patch_height\":\"9\",\"patch_width\":\"9\"",
                  "\"<i>.unique_params\":{\"dtype\":\"F32\",\"shape\":[1,1,1],\"data_offsets\":[0,4]}",
                  (const float[]){NAN}, 1);
    mkdir(at("no utf-8 \xe9\n"), 0777);
    write_text(inside("no utf-8 \xe9\n", "metrics.jsonl"), evil);
    RUN(NO_ENV, "report", at(EVIL), at("no utf-8 \xe9\n"), "--out", at("page.html"));
    EXPECT(0, "3 lines of ", "left out");
    read_page("page.html");
    check_page();
    assert_says(page, "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;`$(id)");
    assert_says(page, "&lt;/td&gt;&lt;script&gt;alert(3)&lt;/script&gt;\\x01");
    assert_says(page, "&lt;b&gt;key&lt;/b&gt;");
    assert_says(page, "&lt;script&gt;alert(4)&lt;/script&gt;");
    assert_says(page, "&quot; onload=&quot;alert(5)");
    assert_says(page, "<h3>&lt;i&gt;.unique_params</h3>");
    assert_says(page, "no utf-8 \\xe9\\x0a");
    assert_says(page, "<td>5</td><td>3</td><td>3</td>"); /* steps, losses that are not drawn, lines */
    assert_null(strstr(page, ">nan"));
    assert_null(strstr(page, ">inf"));
}

#define PLANE(name, first, end)                                                                              \
    "\"layers.0.0." name ".unique_params\":{\"dtype\":\"F32\",\"shape\":[6,1,2],\"data_offsets\":[" first    \
    "," end "]}"

/* A grid of 1 x 2 tokens has three offsets, and three more with the class token; those of W_q are stored mirrored. */
static void tables_by_offset_become_maps(void **state)
{
    static const float values[] = {3, 4, 6, 8, 0, 0, 0, 1, 0, 2, 5,  12, 3,
                                   4, 6, 8, 0, 0, 0, 1, 0, 2, 5, 12, 7,  7};
    mkdir(at("maps"), 0777);
    write_text("maps/metrics.jsonl", "");
    write_weights(
        "maps/model.safetensors",
        "\"image_height\":\"4\",\"image_width\":\"8\",\"patch_height\":\"4\",\"patch_width\":\"4\"",
        PLANE("to_q", "0", "48") "," PLANE(
            "to_k", "48", "96") ","
                                "\"to_v\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[96,104]}",
        values, 26);
    RUN(NO_ENV, "report", at("maps"), "--out", at("page.html"));
    EXPECT(0, "");
    read_page("page.html");
    check_page();
    assert_int_equal(times("<figure class=\"map\">"), 2);
    assert_says(page, "<h3>layers.0.0.to_q.unique_params</h3>");
    assert_int_equal(
        times("<thead><tr><td></td><th scope=\"col\">-1</th><th scope=\"col\">0</th><th scope=\"col\">1</th>"
              "</tr></thead>"),
        2);
    const char *query = strstr(page, "to_q"), *key = strstr(page, "to_k");
    assert_true(query < key);
    assert_says(
        query,
        "<th scope=\"row\">0</th><td class=\"h0\">0</td><td class=\"h9\">10</td><td class=\"h5\">5</td>");
    assert_says(
        key,
        "<th scope=\"row\">0</th><td class=\"h5\">5</td><td class=\"h9\">10</td><td class=\"h0\">0</td>");
    assert_says(query, "class token asks a patch</th><td>13</td>");
    assert_says(key, "class token asks a patch</th><td>2</td>");
    assert_says(key, "patch asks the class token</th><td>13</td>");
}

/* A page of one trained run, whose maps have rows and columns from -1 to 1, and the class token's three. */
static void check_maps_of(const char *run, const char *caption)
{
    RUN(NO_ENV, "report", at(run), "--out", at("page.html"));
    EXPECT(0, "");
    read_page("page.html");
    check_page();
    assert_int_equal(times("<figure class=\"map\">"), 3);
    assert_int_equal(times(caption), 3);
    assert_int_equal(times("class token asks a patch</th><td>"), 3);
    assert_int_equal(
        times("<thead><tr><td></td><th scope=\"col\">-1</th><th scope=\"col\">0</th><th scope=\"col\">1</th>"
              "</tr></thead>\n<tbody>\n<tr><th scope=\"row\">-1</th>"),
        3);
    assert_null(strstr(page, "no map"));
}
#define check_maps_of(...) FROM_HERE(check_maps_of(__VA_ARGS__))

/* A window or clipping makes tables of fewer offsets than the grid has. */
static void maps_end_where_tables_do(void **state)
{
    need_gnuplot();
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("near"), "--op", "alpha", "--window", "1", THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("clip"), "--op", "alpha", "--offset-sharing",
        "clip:1", THREE);
    EXPECT(0, "");
    check_maps_of("near", "<caption>Norm by rows (down) and columns (across) from key to query</caption>");
    check_maps_of("clip", "from key to query; the outermost serve all beyond, too</caption>");
}

/* A grid of 3 x 2 tokens: 15 offsets, of which a window or clipping leaves 9, both along the longer side alone. */
static void a_page_without_a_map_says_why(void **state)
{
    static const struct {
        const char *settings, *shape, *words;
    } cases[] = {
        {"", "15,1,1", NULL},
        {"\"window\":\"1\",", "9,1,1", NULL},
        {"\"window\":\"2\",", "18,1,1", NULL},
        {"\"offset_sharing\":\"clip\",\"sharing_radius\":\"1\",", "12,1,1", NULL},
        {"\"offset_sharing\":\"none\",\"sharing_radius\":\"1\",", "15,1,1", NULL},
        {"\"offset_sharing\":\"log\",\"sharing_radius\":\"2\",", "15,1,1", NULL},
        {"\"offset_sharing\":\"log\",\"sharing_radius\":\"1\",", "15,1,1", "share matrices by octaves"},
        {"", "16,1,1", "make another number of offsets"},
        {"\"window\":\"1\",", "15,1,1", "make another number of offsets"},
        {"\"image_depth\":\"4\",\"patch_depth\":\"2\",", "15,1,1", "are volumes"},
    };
    static const float ones[18] = {1};
    mkdir(at("grid"), 0777);
    write_text("grid/metrics.jsonl", "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char settings[200], tensor[120];
        const int offsets = atoi(cases[i].shape);
        snprintf(
            settings, sizeof settings,
            "%s\"image_height\":\"12\",\"image_width\":\"8\",\"patch_height\":\"4\",\"patch_width\":\"4\"",
            cases[i].settings);
        snprintf(tensor, sizeof tensor,
                 "\"to_k.unique_params\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[0,%d]}",
                 cases[i].shape, 4 * offsets);
        write_weights("grid/model.safetensors", settings, tensor, ones, (size_t)offsets);
        RUN(NO_ENV, "report", at("grid"), "--out", at("page.html"));
        EXPECT(0, "");
        read_page("page.html");
        check_page();
        assert_int_equal(times("<figure class=\"map\">"), cases[i].words == NULL);
        assert_int_equal(times(": 1 table has no map, as "), cases[i].words != NULL);
        if (cases[i].words != NULL) assert_says(page, cases[i].words);
    }
    write_weights("grid/model.safetensors", "\"seq_len\":\"8\"",
                  "\"to_k.unique_params\":{\"dtype\":\"F32\",\"shape\":[8,1,1],\"data_offsets\":[0,32]}",
                  ones, 8);
    RUN(NO_ENV, "report", at("grid"), "--out", at("page.html"));
    EXPECT(0, "");
    read_page("page.html");
    assert_says(page, ": 1 table has no map, as the settings of the run name no image");
}

/* A trained run has the same counts as its evaluation, and they stand on the page. */
static void a_run_that_is_done_shows_its_confusions(void **state)
{
    need_gnuplot();
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("done"), THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "eval", at("done"), "--quiet", "--confusion", at("evaluated.tsv"));
    EXPECT(0, "");
    assert_same_file("done/confusion.tsv", "evaluated.tsv");
    RUN(NO_ENV, "report", at("done"), "--out", at("page.html"));
    EXPECT(0, "");
    read_page("page.html");
    check_page();
    assert_int_equal(times("<h2 id=\"confusion\">Confusion counts</h2>"), 1);
    assert_says(strstr(page, "id=\"confusion\""), "<th scope=\"row\">9</th><td class=\"h");
}

static void confusions_are_coloured_by_share(void **state)
{
    need_gnuplot();
    mkdir(at("three"), 0777);
    write_text("three/metrics.jsonl", "");
    write_text("three/confusion.tsv", "true\\found\ta\t<b>\tnone\na\t3\t1\t0\n<b>\t0\t5\t0\nnone\t0\t0\t0\n");
    RUN(NO_ENV, "report", at("three"), "--out", at("page.html"));
    EXPECT(0, "");
    read_page("page.html");
    check_page();
    assert_says(page, "<th scope=\"row\">a</th><td class=\"h7\">3</td><td class=\"h2\">1</td><td "
                      "class=\"h0\">0</td><td>75.0</td>");
    assert_says(page, "<th scope=\"row\">&lt;b&gt;</th><td class=\"h0\">0</td><td class=\"h9\">5</td>");
    assert_says(page, "<th scope=\"row\">none</th><td class=\"h0\">0</td><td class=\"h0\">0</td><td "
                      "class=\"h0\">0</td><td>–</td>");
}

/* Of many classes those pairs that are confused most, largest first. */
static void many_classes_show_the_largest_confusions(void **state)
{
    enum { CLASSES = 40 };
    need_gnuplot();
    mkdir(at("forty"), 0777);
    write_text("forty/metrics.jsonl", "");
    FILE *file = fopen(at("forty/confusion.tsv"), "w");
    assert_non_null(file);
    fputs("true\\found", file);
    for (int c = 0; c < CLASSES; c++) fprintf(file, "\tc%d", c);
    for (int r = 0; r < CLASSES; r++) {
        fprintf(file, "\nc%d", r);
        for (int c = 0; c < CLASSES; c++) fprintf(file, "\t%d", r == c ? 100 : r == 7 && c < 30 ? 2 + c : 0);
    }
    fputc('\n', file);
    assert_int_equal(fclose(file), 0);
    RUN(NO_ENV, "report", at("forty"), "--out", at("page.html"));
    EXPECT(0, "");
    read_page("page.html");
    check_page();
    const char *largest = strstr(page, "<tr><th scope=\"row\">c7</th><td>c29</td><td>31</td><td>"),
               *next = strstr(page, "<tr><th scope=\"row\">c7</th><td>c28</td><td>30</td><td>");
    assert_true(largest != NULL && next > largest);
    assert_int_equal(times("<tr><th scope=\"row\">c7</th>"), 24);
    assert_null(strstr(page, "<td>c0</td>"));
}

static void what_is_no_table_of_classes_is_named(void **state)
{
    static const char *const broken[] = {"",
                                         "\n",
                                         "true\\found\n",
                                         "x\ta\na\t1",
                                         "x\ta\na\t-1\n",
                                         "x\ta\na\t1\t2\n",
                                         "x\ta\tb\na\t1\t2\n",
                                         "x\ta\na\t1e3\n",
                                         "x\ta\na\t\n",
                                         "x\ta\na\t1\nb\t1\n",
                                         "x\ta\na\t99999999999999999999999\n"};
    need_gnuplot();
    mkdir(at("broken"), 0777);
    write_text("broken/metrics.jsonl", "");
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        write_text("broken/confusion.tsv", broken[i]);
        RUN(NO_ENV, "report", at("broken"), "--out", at("page.html"));
        EXPECT(0, "");
        read_page("page.html");
        check_page();
        assert_int_equal(times("The file confusion.tsv holds no table of classes."), 1);
    }
}

static void without_numbers_there_is_a_page_without_pictures(void **state)
{
    write_text("none.jsonl", "");
    write_text("null.jsonl", "{\"step\":1,\"loss\":null}\n");
    RUN(NO_ENV, "report", at("none.jsonl"), at("null.jsonl"), "--out", at("page.html"));
    EXPECT(0, "");
    assert_says(seen.out, "2 runs, 0 pictures");
    read_page("page.html");
    check_page();
    assert_says(page, "There is nothing to draw yet.");
}

/* ---- mistakes --------------------------------------------------------------------------------------- */

static void without_gnuplot_a_sentence_says_what_to_install(void **state)
{
    write_text("one.jsonl", "{\"step\":1,\"loss\":1}\n");
    write_text("kept.html", "before");
    RUN(ENV("PATH=/nowhere"), "report", at("one.jsonl"), "--out", at("kept.html"));
    FAILS(1, "gnuplot, which is not installed", "apt-get install gnuplot-nox");
    read_page("kept.html");
    assert_string_equal(page, "before");
}

static void mistakes_are_named(void **state)
{
    write_text("one.jsonl", "{\"step\":1,\"loss\":null}\n");
    fails(2, "report --out page.html", "report needs the folders of one or more runs");
    fails(2, "report one.jsonl", "report needs --out FILE.html");
    fails(2, "report nowhere --out page.html", "the metrics nowhere cannot be read");
    fails(2, "report one.jsonl --out one.jsonl", "--out would write over one.jsonl, which is read");
    fails(2, "report one.jsonl --out .", "--out . is there and is no file");
    fails(2, "report one.jsonl --out no/page.html", "the page no/page.html cannot be written");
    mkdir(at("run"), 0777);
    write_text("run/metrics.jsonl", "");
    fails(2, "report one.jsonl run --out run/metrics.jsonl", "--out would write over run/metrics.jsonl");
    write_text("run/model.safetensors", "no weights");
    fails(2, "report run --out page.html", "run/model.safetensors");
    char words[400] = "report --out page.html";
    for (int i = 0; i < 25; i++) strcat(words, " one.jsonl");
    fails(2, words, "up to 24 runs, not 25");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_stand_side_by_side),
        cmocka_unit_test(a_run_without_weights_has_curves),
        cmocka_unit_test(long_runs_make_a_small_page_with_their_extremes),
        cmocka_unit_test(a_million_lines_are_read),
        cmocka_unit_test(markup_from_outside_stays_text),
        cmocka_unit_test(tables_by_offset_become_maps),
        cmocka_unit_test(maps_end_where_tables_do),
        cmocka_unit_test(a_page_without_a_map_says_why),
        cmocka_unit_test(a_run_that_is_done_shows_its_confusions),
        cmocka_unit_test(confusions_are_coloured_by_share),
        cmocka_unit_test(many_classes_show_the_largest_confusions),
        cmocka_unit_test(what_is_no_table_of_classes_is_named),
        cmocka_unit_test(without_numbers_there_is_a_page_without_pictures),
        cmocka_unit_test(without_gnuplot_a_sentence_says_what_to_install),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, make_folder, free_page);
}
