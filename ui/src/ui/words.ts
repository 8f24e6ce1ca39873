import { dictionary } from "../lib/i18n";

/** Words that parts share, wherever they stand. */
export const t = dictionary({
  en: {
    save: "Save", cancel: "Cancel", close: "Close", delete: "Delete", add: "Add", create: "Create", copy: "Copy",
    copied: "Copied", more: "More", name: "Name", type: "Type", state: "State", yes: "yes", no: "no", all: "All",
    refresh: "Refresh", optional: "optional", columns: "Columns", filter: "Filter by name", pattern: "Regular expression",
    nothingFound: "Nothing matches this filter.", nothing: "Nothing here yet.", clearFilter: "Clear the filter",
    rows: (n: string) => `${n} rows`, rowsOf: (n: string, all: string) => `${n} of ${all}`,
    typeToConfirm: (name: string) => `Type “${name}” to confirm`,
    unreachable: "The server cannot be reached.", notFound: "There is no such thing here.", goneTitle: "Gone",
    forbidden: "Your user may not do this.", collecting: "collecting figures…", resetColumns: "As at first",
    string: "Text", number: "Number", boolean: "Yes/no", list: "List", key: "Key", value: "Value", addRow: "Add another",
    removeRow: "Remove", broken: "This page met an error it did not expect.", reload: "Load again",
    lastMinute: "1 min", lastTen: "10 min", lastHour: "1 h", lastEight: "8 h", lastDay: "1 day", none: "none",
  },
  zh: {
    save: "保存", cancel: "取消", close: "关闭", delete: "删除", add: "添加", create: "创建", copy: "复制",
    copied: "已复制", more: "更多", name: "名称", type: "类型", state: "状态", yes: "是", no: "否", all: "全部",
    refresh: "刷新", optional: "可选", columns: "列", filter: "按名称筛选", pattern: "正则表达式",
    nothingFound: "没有符合筛选条件的内容。", nothing: "这里还没有内容。", clearFilter: "清除筛选",
    rows: (n: string) => `${n} 行`, rowsOf: (n: string, all: string) => `${n} / ${all}`,
    typeToConfirm: (name: string) => `请输入“${name}”以确认`,
    unreachable: "无法连接服务器。", notFound: "这里没有该对象。", goneTitle: "不存在",
    forbidden: "当前用户无权执行此操作。", collecting: "正在收集数据…", resetColumns: "恢复默认",
    string: "文本", number: "数字", boolean: "是/否", list: "列表", key: "键", value: "值", addRow: "再添加一项",
    removeRow: "移除", broken: "页面遇到了意外错误。", reload: "重新加载",
    lastMinute: "1 分钟", lastTen: "10 分钟", lastHour: "1 小时", lastEight: "8 小时", lastDay: "1 天", none: "无",
  },
});
