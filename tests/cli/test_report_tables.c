/* `report`: maps of tables by offset, and confusion counts. */
#include "report_page.h"
#include "small_digits.h"

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
    check_maps_of("clip", "from key to query; the outermost may serve all beyond, too</caption>");
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
    RUN(NO_ENV, "report", at("three"), at("three"), "--out", at("page.html"));
    EXPECT(0, "");
    read_page("page.html");
    check_page();
    assert_int_equal(times("three: Samples of each class (down) by the class that was found (across)\""), 2);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_by_offset_become_maps),
        cmocka_unit_test(maps_end_where_tables_do),
        cmocka_unit_test(a_page_without_a_map_says_why),
        cmocka_unit_test(a_run_that_is_done_shows_its_confusions),
        cmocka_unit_test(confusions_are_coloured_by_share),
        cmocka_unit_test(many_classes_show_the_largest_confusions),
        cmocka_unit_test(what_is_no_table_of_classes_is_named),
    };
    return cmocka_run_group_tests(tests, make_folder, free_page);
}
