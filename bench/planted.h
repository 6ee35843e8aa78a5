/* SPDX-License-Identifier: Apache-2.0
 * Rows in which copies and leaks are planted, for bench/planted.c and the test of the filters that
 * find them. The rows are instruction rows as a month of synthesis makes them: a few templates in
 * Chinese and English whose rows differ only in their slots (names, numbers, goods, sentences), so
 * that telling a copy from a sibling is hard; short ones of 20 to 40 characters and long ones of
 * several sentences. Edits draw their characters from the rows themselves. */
#ifndef COTRAIN_BENCH_PLANTED_H
#define COTRAIN_BENCH_PLANTED_H

#include "base/mem.h"
#include "base/philox.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct planted_draw {
    struct rng rng;
    uint64_t n;
};
static inline uint32_t planted_below(struct planted_draw *d, uint32_t bound) {
    return (uint32_t)rng_below(&d->rng, d->n++, bound);
}
#define PLANTED_PICK(d, list) (list)[planted_below(d, sizeof(list) / sizeof(list)[0])]

enum planted_kind {
    PLANTED_ZH_SHORT,
    PLANTED_ZH_LONG,
    PLANTED_EN_SHORT,
    PLANTED_EN_LONG,
    PLANTED_KINDS
};
static const char *const planted_kinds[] = {"zh short", "zh long", "en short", "en long"};

struct planted_row {
    enum planted_kind kind;
    char *prompt, *answer; /* mem_free */
};

/* ---- words ---- */

static const char *const planted_surnames[] = {"王", "李", "张", "刘", "陈", "杨", "赵",
                                               "黄", "周", "吴", "徐", "孙", "胡", "朱",
                                               "高", "林", "何", "郭", "马", "罗"};
static const char *const planted_given[] = {
    "伟", "芳", "娜", "敏",   "静",   "丽",   "强",   "磊",   "军",   "洋",   "勇",
    "艳", "杰", "娟", "涛",   "明",   "超",   "秀英", "霞",   "平",   "建国", "桂兰",
    "文", "红", "玉", "志强", "海燕", "小龙", "晓东", "雪梅", "国庆", "春华"};
static const char *const planted_goods[] = {
    "牛奶", "饼干", "矿泉水", "纸巾", "洗衣液", "大米", "面粉", "酱油", "打印纸", "墨盒",
    "电池", "雨伞", "台灯",   "毛巾", "牙膏",   "苹果", "橙子", "茶叶", "咖啡",   "蜂蜜"};
static const char *const planted_streets[] = {"新华路", "中山路", "人民路",   "解放路",
                                              "建设街", "和平街", "长江路",   "黄河路",
                                              "文化路", "学院路", "滨江大道", "科技园"};
static const char *const planted_measures[] = {"箱", "袋", "盒", "瓶", "包", "件"};
static const char *const planted_places[] = {"三楼",   "财务部", "会议室",   "仓库",   "前台",
                                             "研发部", "实验室", "二号车间", "人事部", "机房"};
static const char *const planted_faults[] = {
    "网页打不开", "无线信号弱", "网速很慢",   "路由器掉线", "打印机卡纸",   "键盘失灵",
    "屏幕不亮",   "硬盘有异响", "密码忘了",   "登录被锁定", "没有访问权限", "验证码收不到",
    "程序闪退",   "安装报错",   "升级后卡死", "文件打不开"};
static const char *const planted_labels[] = {"网络", "硬件", "账号", "软件"};
static const char *const planted_hurry[] = {"全部门都停工了", "请马上处理", "今天之内处理",
                                            "请尽快看看",     "不急",       "有空再看"};
static const char *const planted_urgency[] = {"高", "中", "低"};
static const char *const planted_modules[] = {"backup", "disk", "auth",  "mail", "proxy",
                                              "cache",  "sync", "queue", "web",  "db"};
static const char *const planted_levels[] = {"INFO", "WARN", "ERROR", "DEBUG"};
static const char *const planted_events[] = {"读取超时", "写入失败", "连接断开", "启动完成",
                                             "空间不足", "校验错误", "收到请求", "重试成功",
                                             "温度过高", "配置更新", "任务结束", "数据丢失"};
static const char *const planted_crops[] = {"水稻", "小麦", "玉米", "大豆", "棉花",   "番茄",
                                            "黄瓜", "辣椒", "茄子", "土豆", "苹果树", "葡萄",
                                            "柑橘", "茶树", "油菜", "花生"};
static const char *const planted_signs[] = {
    "叶片发黄",     "叶片卷曲",       "果实开裂", "根部腐烂", "茎秆倒伏",
    "出现褐色斑点", "表面有白色粉末", "生长缓慢", "花朵脱落", "叶背有小虫"};
static const char *const planted_causes[] = {"缺氮",     "缺钾",     "积水",     "干旱",
                                             "真菌感染", "细菌感染", "蚜虫危害", "红蜘蛛危害",
                                             "施肥过量", "温度过低", "光照不足", "土壤板结"};
static const char *const planted_advice[] = {"及时排水", "补施氮肥", "喷洒多菌灵", "喷洒吡虫啉",
                                             "增加光照", "适当遮阴", "清除病株",   "轮作换茬",
                                             "松土透气", "控制浇水", "增施有机肥", "覆盖地膜保温"};
static const char *const planted_times[] = {"上周",         "昨天",     "今年春天", "最近三天",
                                            "连续下雨以后", "施肥之后", "移栽以后", "入夏以来"};
static const char *const planted_names[] = {"Anna",   "Ben",   "Carla",  "David", "Emma",  "Frank",
                                            "Grace",  "Henry", "Irene",  "Jack",  "Karen", "Liam",
                                            "Maria",  "Noah",  "Olivia", "Peter", "Quinn", "Rosa",
                                            "Samuel", "Tina",  "Victor", "Wendy"};
static const char *const planted_families[] = {
    "Smith", "Brown",  "Taylor", "Wilson", "Evans", "Walker", "Hughes", "Green",
    "Baker", "Carter", "Cooper", "Morris", "Bell",  "Ward",   "Gray",   "Foster"};
static const char *const planted_activities[] = {"meeting",  "interview", "review", "lunch",
                                                 "workshop", "call",      "demo",   "training",
                                                 "dinner",   "visit"};
static const char *const planted_months[] = {"January",   "February", "March",    "April",
                                             "May",       "June",     "July",     "August",
                                             "September", "October",  "November", "December"};
static const char *const planted_things[] = {"apples", "pencils",  "stamps",  "marbles",
                                             "books",  "cookies",  "tickets", "shells",
                                             "coins",  "stickers", "bottles", "flowers"};
static const char *const planted_adjectives[] = {
    "old",    "new",   "left",  "right", "small", "large", "spare", "main",
    "second", "outer", "inner", "rear",  "front", "upper", "lower", "blue"};
static const char *const planted_nouns[] = {
    "pump",       "valve",  "sensor",     "conveyor",      "fan",    "gearbox",
    "compressor", "boiler", "drive belt", "control panel", "heater", "filter",
    "motor",      "crane",  "mixer",      "press",         "lift",   "furnace",
    "turbine",    "switch", "printer",    "scale",         "tank",   "welder"};
static const char *const planted_happens[] = {
    "makes a grinding noise", "stops after a few minutes", "shows a red light", "leaks oil",
    "is much too hot",        "vibrates strongly",         "does not start",    "loses pressure",
    "reports a wrong value",  "smells of burnt rubber"};
static const char *const planted_how[] = {"again",
                                          "slowly",
                                          "at full speed",
                                          "without any load",
                                          "from time to time",
                                          "near the door",
                                          "on both sides",
                                          "as soon as it is warm",
                                          "in spite of the repair",
                                          "more than before",
                                          "at the lower end",
                                          "in manual mode",
                                          "with a loud bang",
                                          "for an hour",
                                          "at random",
                                          "on start-up"};
static const char *const planted_since[] = {
    "since yesterday morning", "after the last inspection", "whenever the load rises",
    "during the night shift",  "since the power cut",       "after we changed the settings",
    "only in cold weather",    "every second day"};
static const char *const planted_fixes[] = {
    "check the wiring first", "replace the seal",    "clean the inlet",   "tighten the bolts",
    "reset the controller",   "order a new bearing", "call the supplier", "measure the voltage",
    "drain the tank",         "calibrate it again"};

/* ---- rows ---- */

static inline err planted_person(struct planted_draw *d, struct str *out) {
    TRY(str_add(out, PLANTED_PICK(d, planted_surnames)));
    TRY(str_add(out, PLANTED_PICK(d, planted_given)));
    return planted_below(d, 2) ? str_add(out, PLANTED_PICK(d, planted_given)) : ERR_OK;
}

static inline err planted_zh_short(struct planted_draw *d, struct str *prompt, struct str *answer) {
    struct str who = {0};
    err e = planted_person(d, &who);
    switch (e == ERR_OK ? planted_below(d, 5) : 9) {
    case 0: {
        const char *goods = PLANTED_PICK(d, planted_goods),
                   *unit = PLANTED_PICK(d, planted_measures);
        const char *street = PLANTED_PICK(d, planted_streets);
        unsigned number = 1 + planted_below(d, 199), n = 2 + planted_below(d, 58);
        e = str_printf(prompt, "提取订单信息。\n%s，%s%u号，%s%u%s", str_text(&who), street, number,
                       goods, n, unit);
        if (e == ERR_OK)
            e = str_printf(answer, "姓名：%s；商品：%s；数量：%u%s；地址：%s%u号", str_text(&who),
                           goods, n, unit, street, number);
        break;
    }
    case 1: {
        unsigned fault = planted_below(d, 16), hurry = planted_below(d, 6);
        e = str_printf(prompt, "给工单分类。\n%s：%s%s，%s", str_text(&who),
                       PLANTED_PICK(d, planted_places), planted_faults[fault],
                       planted_hurry[hurry]);
        if (e == ERR_OK)
            e = str_printf(answer, "类别：%s；优先级：%s", planted_labels[fault / 4],
                           planted_urgency[hurry / 2]);
        break;
    }
    case 2: {
        const char *level = PLANTED_PICK(d, planted_levels),
                   *module = PLANTED_PICK(d, planted_modules);
        const char *event = PLANTED_PICK(d, planted_events);
        unsigned h = planted_below(d, 24), m = planted_below(d, 60);
        e = str_printf(prompt, "把这行日志转成键值对。\n[%02u:%02u] %s %s: %s", h, m, module, level,
                       event);
        if (e == ERR_OK)
            e = str_printf(answer, "时间=%02u:%02u 级别=%s 模块=%s 内容=%s", h, m, level, module,
                           event);
        break;
    }
    case 3: {
        unsigned a = 2 + planted_below(d, 998), b = 2 + planted_below(d, 98);
        const char *goods = PLANTED_PICK(d, planted_goods),
                   *unit = PLANTED_PICK(d, planted_measures);
        e = str_printf(prompt, "%s买了%u%s%s，又送给邻居%u%s，还剩多少？", str_text(&who), a + b,
                       unit, goods, b, unit);
        if (e == ERR_OK) e = str_printf(answer, "还剩%u%s", a, unit);
        break;
    }
    case 4:
        e = str_printf(prompt, "%s的%s，可能是什么原因？", PLANTED_PICK(d, planted_crops),
                       PLANTED_PICK(d, planted_signs));
        if (e == ERR_OK) e = str_printf(prompt, "%s发现的", PLANTED_PICK(d, planted_times));
        if (e == ERR_OK)
            e = str_printf(answer, "可能是%s，建议%s", PLANTED_PICK(d, planted_causes),
                           PLANTED_PICK(d, planted_advice));
        if (e == ERR_OK) e = str_printf(answer, "，再%s", PLANTED_PICK(d, planted_advice));
        break;
    default: break;
    }
    str_release(&who);
    return e;
}

static inline err planted_zh_long(struct planted_draw *d, struct str *prompt, struct str *answer) {
    TRY(str_add(prompt, "根据下面的描述判断病因，并给出防治建议。\n"));
    int64_t n = 4 + planted_below(d, 5);
    for (int64_t i = 0; i < n; i++) {
        switch (planted_below(d, 3)) {
        case 0:
            TRY(str_printf(prompt, "%s，", PLANTED_PICK(d, planted_times)));
            TRY(planted_person(d, prompt));
            TRY(str_printf(prompt, "家的%s%s，面积大约%u亩。", PLANTED_PICK(d, planted_crops),
                           PLANTED_PICK(d, planted_signs), 1 + planted_below(d, 60)));
            break;
        case 1:
            TRY(str_printf(prompt, "%s附近的地块%s，而且%s，", PLANTED_PICK(d, planted_streets),
                           PLANTED_PICK(d, planted_signs), PLANTED_PICK(d, planted_signs)));
            TRY(str_printf(prompt, "邻居怀疑是%s。", PLANTED_PICK(d, planted_causes)));
            break;
        default:
            TRY(str_printf(prompt, "%s已经%s，", PLANTED_PICK(d, planted_times),
                           PLANTED_PICK(d, planted_advice)));
            TRY(str_printf(prompt, "但是%u天以后仍然%s。", 2 + planted_below(d, 20),
                           PLANTED_PICK(d, planted_signs)));
        }
    }
    n = 2 + planted_below(d, 4);
    for (int64_t i = 0; i < n; i++) {
        TRY(str_printf(answer, "%s说明可能是%s，", PLANTED_PICK(d, planted_signs),
                       PLANTED_PICK(d, planted_causes)));
        TRY(str_printf(answer, "建议%s，并且%s。", PLANTED_PICK(d, planted_advice),
                       PLANTED_PICK(d, planted_advice)));
    }
    return ERR_OK;
}

static inline err planted_en_short(struct planted_draw *d, struct str *prompt, struct str *answer) {
    const char *name = PLANTED_PICK(d, planted_names), *family = PLANTED_PICK(d, planted_families);
    if (planted_below(d, 2)) {
        const char *what = PLANTED_PICK(d, planted_activities);
        unsigned month = planted_below(d, 12), day = 1 + planted_below(d, 28),
                 room = 101 + planted_below(d, 399);
        char wing = (char)('A' + planted_below(d, 4));
        TRY(str_printf(prompt, "%s with %s %s on %s %u, room %c%u", what, name, family,
                       planted_months[month], day, wing, room));
        return str_printf(answer, "%u/%u | %s | %s %s | %c%u", month + 1, day, what, name, family,
                          wing, room);
    }
    unsigned a = 2 + planted_below(d, 500), b = 2 + planted_below(d, 90);
    const char *things = PLANTED_PICK(d, planted_things);
    TRY(str_printf(prompt, "%s had %u %s and gave %u to %s. How many are left?", name, a + b,
                   things, b, PLANTED_PICK(d, planted_names)));
    return str_printf(answer, "%u %s", a, things);
}

static inline err planted_part(struct planted_draw *d, struct str *out) {
    TRY(str_printf(out, "the %s ", PLANTED_PICK(d, planted_adjectives)));
    return str_add(out, PLANTED_PICK(d, planted_nouns));
}

static inline err planted_en_long(struct planted_draw *d, struct str *prompt, struct str *answer) {
    int64_t n = 4 + planted_below(d, 5);
    TRY(str_add(prompt, "Read the report and say what to do next.\n"));
    for (int64_t i = 0; i < n; i++) {
        switch (planted_below(d, 3)) {
        case 0:
            TRY(str_printf(prompt, "In hall %u ", 1 + planted_below(d, 30)));
            TRY(planted_part(d, prompt));
            TRY(str_printf(prompt, " %s %s ", PLANTED_PICK(d, planted_happens),
                           PLANTED_PICK(d, planted_how)));
            TRY(str_printf(prompt, "%s. ", PLANTED_PICK(d, planted_since)));
            break;
        case 1:
            TRY(str_printf(prompt, "%s %s says that ", PLANTED_PICK(d, planted_names),
                           PLANTED_PICK(d, planted_families)));
            TRY(planted_part(d, prompt));
            TRY(str_printf(prompt, " %s %s and ", PLANTED_PICK(d, planted_happens),
                           PLANTED_PICK(d, planted_how)));
            TRY(str_printf(prompt, "%s. ", PLANTED_PICK(d, planted_happens)));
            break;
        default:
            TRY(str_printf(prompt, "We tried to %s, but ", PLANTED_PICK(d, planted_fixes)));
            TRY(planted_part(d, prompt));
            TRY(str_printf(prompt, " still %s %s ", PLANTED_PICK(d, planted_happens),
                           PLANTED_PICK(d, planted_how)));
            TRY(str_printf(prompt, "%s. ", PLANTED_PICK(d, planted_since)));
        }
    }
    n = 2 + planted_below(d, 3);
    for (int64_t i = 0; i < n; i++) {
        TRY(str_add(answer, "For "));
        TRY(planted_part(d, answer));
        TRY(str_printf(answer, ", %s; ", PLANTED_PICK(d, planted_fixes)));
        TRY(str_printf(answer, "if it fails %s, %s. ", PLANTED_PICK(d, planted_how),
                       PLANTED_PICK(d, planted_fixes)));
    }
    return ERR_OK;
}

static inline err planted_make(struct planted_draw *d, struct planted_row *out) {
    struct str prompt = {0}, answer = {0};
    out->kind = (enum planted_kind)planted_below(d, PLANTED_KINDS);
    static err (*const make[])(struct planted_draw *, struct str *, struct str *) = {
        planted_zh_short, planted_zh_long, planted_en_short, planted_en_long};
    err e = make[out->kind](d, &prompt, &answer);
    out->prompt = prompt.data;
    out->answer = answer.data;
    return e;
}

static inline void planted_release(struct planted_row *rows, int64_t n) {
    for (int64_t i = 0; i < n && rows; i++) {
        mem_free(rows[i].prompt);
        mem_free(rows[i].answer);
    }
    mem_free(rows);
}

/* ---- edits ---- */

enum planted_change { PLANTED_EDITS, PLANTED_DIGITS, PLANTED_BLOCKS };

/* A character of some row of the same language, as an edit would bring. */
static inline uint32_t planted_character(struct planted_draw *d, const struct planted_row *rows,
                                         int64_t n, enum planted_kind kind) {
    for (;;) {
        const struct planted_row *row = &rows[planted_below(d, (uint32_t)n)];
        if (row->kind / 2 != kind / 2) continue;
        size_t length = strlen(row->prompt), at = planted_below(d, (uint32_t)length);
        while (at > 0 && ((unsigned char)row->prompt[at] & 0xC0) == 0x80) at--;
        uint32_t c = 0;
        (void)utf8_next(row->prompt + at, length - at, &c);
        if (c > ' ' && !(c >= '0' && c <= '9')) return c;
    }
}

/* A share of the characters is edited (rounded; at least one, unless the share is 0): a third each
 * are replaced, left out, or get one before them. Digits stay: to change one is to ask something
 * else, which planted_digits does. */
static inline err planted_edit(struct planted_draw *d, const struct planted_row *rows, int64_t n,
                               const struct planted_row *from, double share,
                               struct planted_row *out) {
    const char *texts[] = {from->prompt, from->answer};
    char *made[2] = {NULL, NULL};
    int64_t length[2] = {utf8_count(texts[0], strlen(texts[0])),
                         utf8_count(texts[1], strlen(texts[1]))};
    int64_t all = length[0] + length[1], wanted = (int64_t)(share * (double)all + 0.5);
    if (wanted == 0 && share > 0) wanted = 1;
    uint8_t *edited = mem_zalloc((size_t)all, 1);
    if (!edited) return ERR_MEMORY;
    int64_t digits = 0;
    for (int64_t t = 0, i = 0; t < 2; t++)
        for (const char *s = texts[t]; *s; i++) {
            uint32_t c = 0;
            s += utf8_next(s, strlen(s), &c);
            if (c >= '0' && c <= '9') edited[i] = 2, digits++;
        }
    if (wanted > all - digits) wanted = all - digits;
    for (int64_t i = 0; i < wanted;) {
        uint32_t at = planted_below(d, (uint32_t)all);
        if (!edited[at]) edited[at] = 1, i++;
    }
    err e = ERR_OK;
    for (int t = 0; t < 2; t++) {
        struct str text = {0};
        const char *s = texts[t];
        for (int64_t i = 0; *s && e == ERR_OK; i++) {
            uint32_t c = 0;
            s += utf8_next(s, strlen(s), &c);
            if (edited[i + (t ? length[0] : 0)] != 1) {
                e = str_codepoint(&text, c);
                continue;
            }
            uint32_t which = planted_below(d, 3), fresh = c;
            while (fresh == c) fresh = planted_character(d, rows, n, from->kind);
            if (which != 1) e = str_codepoint(&text, fresh);
            if (e == ERR_OK && which == 2) e = str_codepoint(&text, c);
        }
        made[t] = text.data ? text.data : mem_strdup(" ");
        if (!made[t]) e = ERR_MEMORY;
    }
    mem_free(edited);
    *out = (struct planted_row){from->kind, made[0], made[1]};
    return e;
}

/* Each digit becomes another one with probability 1/3, one at least. */
static inline err planted_digits(struct planted_draw *d, const struct planted_row *from,
                                 struct planted_row *out) {
    *out = (struct planted_row){from->kind, mem_strdup(from->prompt), mem_strdup(from->answer)};
    if (!out->prompt || !out->answer) return ERR_MEMORY;
    bool changed = false, any = strpbrk(from->prompt, "0123456789") != NULL;
    while (any && !changed)
        for (char *c = out->prompt; *c; c++)
            if (*c >= '0' && *c <= '9' && planted_below(d, 3) == 0) {
                *c = (char)('0' + (*c - '0' + 1 + (int)planted_below(d, 9)) % 10);
                changed = true;
            }
    return ERR_OK;
}

/* The prompt cut in three between characters, the second and third piece changing places. */
static inline err planted_blocks(const struct planted_row *from, struct planted_row *out) {
    size_t n = strlen(from->prompt), cuts[2] = {n / 3, 2 * n / 3};
    for (int i = 0; i < 2; i++)
        while (((unsigned char)from->prompt[cuts[i]] & 0xC0) == 0x80) cuts[i]++;
    struct str text = {0};
    err e = str_append(&text, from->prompt, cuts[0]);
    if (e == ERR_OK) e = str_append(&text, from->prompt + cuts[1], n - cuts[1]);
    if (e == ERR_OK) e = str_append(&text, from->prompt + cuts[0], cuts[1] - cuts[0]);
    *out = (struct planted_row){from->kind, text.data, mem_strdup(from->answer)};
    return e == ERR_OK && !out->answer ? ERR_MEMORY : e;
}

/* The whole row within a longer text: another row's prompt before it, its answer behind it. */
static inline err planted_within(struct planted_draw *d, const struct planted_row *rows, int64_t n,
                                 const struct planted_row *from, struct planted_row *out) {
    const struct planted_row *around = &rows[planted_below(d, (uint32_t)n)];
    struct str text = {0};
    err e = str_printf(&text, "%s\n%s\n%s", around->prompt, from->prompt, from->answer);
    *out = (struct planted_row){from->kind, text.data, mem_strdup(around->answer)};
    return e == ERR_OK && !out->answer ? ERR_MEMORY : e;
}

#endif
